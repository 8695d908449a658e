package embed

import "strings"

// TaskOf understands what vendors and their clients call a task, in any case; empty:
// it is none of these.
func TaskOf(word string) Task {
	switch strings.ToLower(word) {
	case "query", "search_query", "retrieval_query", "retrieval.query":
		return QueryTask
	case "document", "passage", "search_document", "retrieval_document", "retrieval.passage":
		return DocumentTask
	case "similarity", "semantic_similarity", "text-matching":
		return SimilarityTask
	case "classification":
		return ClassificationTask
	case "clustering", "separation":
		return ClusteringTask
	case "question_answering":
		return QuestionTask
	case "fact_verification":
		return FactTask
	case "code_retrieval_query", "code.query":
		return CodeTask
	}
	return ""
}
