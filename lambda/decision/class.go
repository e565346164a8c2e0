package decision

// VCPUs derives the vCPUs of an instance class, for callers that weigh demand themselves. Unknown classes, and
// Serverless v2, weigh 2.
func VCPUs(class string) float64 { return classVCPU(class) }
