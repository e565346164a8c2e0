package config

// Safety names something that the production profile switches on and that a file may switch off for a written reason.
type Safety string

// Exception is the written reason for a safety that this file switches off.
type Exception struct {
	// Safety is what is switched off.
	Safety Safety `json:"safety" jsonschema:"required"`
	// Reason is why, for whoever reads the file next.
	Reason string `json:"reason" jsonschema:"required,minLength=10,maxLength=500"`
}
