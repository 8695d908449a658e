// Package rerank orders documents by how well they answer a query. Applications ask
// for it in one shape, Cohere's, which Jina and others have made their own: model,
// query, documents, top_n, return_documents; results with index and relevance_score.
//
// Vendors differ little in it, so nothing is translated to a form of our own: the
// client's bytes go on with another model, and, where a [Shape] says so, with texts
// in place of objects and without what the vendor does not know. The vendor's answer
// goes back as it is; documents that the client wants and the vendor does not give
// back are put into it.
//
// The usage is the search units that a vendor tells, else the tokens.
package rerank
