package pipeline

// WithPlatform is tested on an engine that states platforms rightly, by asking for another.
var WithPlatform = withPlatform
