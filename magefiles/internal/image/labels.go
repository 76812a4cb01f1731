package image

// Labels of the OCI image specification, in its chapter on annotations.
const (
	LabelCreated  = "org.opencontainers.image.created"
	LabelRevision = "org.opencontainers.image.revision"
	LabelSource   = "org.opencontainers.image.source"
	LabelTitle    = "org.opencontainers.image.title"
	LabelVersion  = "org.opencontainers.image.version"
)
