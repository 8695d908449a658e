package fakellm

import (
	"fmt"
	"net/http"
)

func bedrockFail(c *call, f *failure, h http.Header) []byte {
	exception, message := bedrockReason(c, f)
	h.Set("X-Amzn-Errortype", exception+":http://internal.amazon.com/coral/com.amazon.bedrock/")
	return compactJSON(map[string]string{"message": message})
}

// bedrockFault is an exception in mid-stream.
func bedrockFault(c *call, f *failure) []byte {
	_, message := bedrockReason(c, f)
	return eventFrame([]eventHeader{
		{":exception-type", "internalServerException"}, {":content-type", "application/json"}, {messageHeader, "exception"},
	}, compactJSON(map[string]string{"message": message}))
}

// bedrockStatus: who is not known is 403 here.
func bedrockStatus(f *failure) int {
	if f.status == http.StatusUnauthorized {
		return http.StatusForbidden
	}
	return f.status
}

func bedrockReason(c *call, f *failure) (exception, message string) {
	switch f.reason {
	case reasonNoKey:
		return "MissingAuthenticationTokenException", "Missing Authentication Token"
	case reasonBadKey:
		return "UnrecognizedClientException", "The security token included in the request is invalid."
	case reasonSignature:
		return "InvalidSignatureException", f.message
	case reasonContext:
		return "ValidationException", fmt.Sprintf("The model returned the following errors: prompt is too long: %d tokens > %d maximum", contextAsked, contextLimit)
	case reasonInvalid:
		return "ValidationException", f.message
	case reasonNoRoute:
		return "UnknownOperationException", "Unknown operation"
	}
	switch f.status {
	case http.StatusForbidden:
		return "AccessDeniedException", "You don't have access to the model with the specified model ID."
	case http.StatusNotFound:
		return "ResourceNotFoundException", "Could not resolve the foundation model from the model identifier: " + c.baseModel()
	case http.StatusRequestTimeout:
		return "ModelTimeoutException", "Model has timed out in processing the request. Try your request again."
	case http.StatusFailedDependency:
		return "ModelErrorException", "The system encountered an unexpected error during processing. Try your request again."
	case http.StatusTooManyRequests:
		return "ThrottlingException", "Too many requests, please wait before trying again."
	case http.StatusServiceUnavailable:
		return "ServiceUnavailableException", "Bedrock is unable to process your request."
	}
	if f.status >= http.StatusInternalServerError {
		return "InternalServerException", "The system encountered an unexpected error during processing. Try your request again."
	}
	return "ValidationException", statusText(f.status)
}
