package pipeline

// WithPlatform is tested with another platform, on an engine that reports platforms correctly.
var WithPlatform = withPlatform
