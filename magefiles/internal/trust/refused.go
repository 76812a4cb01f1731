package trust

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"regexp"
	"slices"
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/plain"
)

func config(pool *x509.CertPool) *tls.Config {
	return &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
}

// Refusal says why a certificate is refused, and what to do. Each of the three common reasons has its own advice: another host name,
// an expired or future certificate, an unknown authority.
type Refusal struct {
	Problem string // what is wrong with the certificate, as in "it is for other.example, not for this.example"
	Do      string
}

// Advice for the reasons.
const (
	doName      = "use a host name of the certificate as the address, or issue a certificate for this host; another authority does not help"
	doTime      = "renew the certificate, or set this machine's clock; another authority does not help"
	doAuthority = "set BLUMEOPS_CA_FILE to the PEM file of the authority that signed it"
	doUnknown   = "check that it is for this host, that it has not expired, and that this machine knows its authority (BLUMEOPS_CA_FILE)" // git with GnuTLS says no more
	doOther     = "use a certificate that clients accept"
)

// Refused reports whether err is a refused certificate, and why.
func Refused(err error) (Refusal, bool) {
	var verify *tls.CertificateVerificationError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	var unknown x509.UnknownAuthorityError
	switch {
	case errors.As(err, &name):
		return Refusal{nameProblem(name), doName}, true
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return Refusal{strings.TrimPrefix(invalid.Error(), "x509: "), doTime}, true
	case errors.As(err, &unknown):
		return Refusal{"its authority is not known here", doAuthority}, true
	case errors.As(err, &invalid):
		return Refusal{strings.TrimPrefix(invalid.Error(), "x509: "), doOther}, true
	case errors.As(err, &verify):
		return refusalOf(verify.Error())
	}
	return Refusal{}, false
}

func nameProblem(err x509.HostnameError) string {
	names := slices.Clone(err.Certificate.DNSNames)
	for _, ip := range err.Certificate.IPAddresses {
		names = append(names, ip.String())
	}
	if len(names) == 0 {
		return "it is not for host " + err.Host + ", and names no host"
	}
	return plain.Short("it is not for host "+err.Host+" but for "+strings.Join(names[:min(len(names), maxNames)], ", "), maxProblem)
}

// maxNames bounds the names of a certificate in a message.
const maxNames = 5

// maxProblem bounds the text of a certificate or of a program in a message, in characters: it may come from any server.
const maxProblem = 300

// texts are the messages of programs that refuse a certificate: Go (BuildKit, the Dagger engine, git-lfs), OpenSSL (curl, git, pip, wget),
// Node.js (npm) and GnuTLS (git and apt of Debian). The name and the time come first: their messages may also contain those of the third.
var texts = []struct {
	said    *regexp.Regexp
	problem string
	do      string
}{
	{regexp.MustCompile(`x509: (certificate is (?:valid for|not valid for any names)[^\n"]*|cannot validate certificate for [^\n"]*|certificate relies on legacy Common Name[^\n"]*)`), "", doName},
	{regexp.MustCompile(`ERR_TLS_CERT_ALTNAME_INVALID|(?i:hostname/ip does not match certificate|does not match target host name|doesn't match '|hostname mismatch|certificate.* not match.* host ?name|no alternative certificate subject name matches)`), "it is not for this host", doName},
	{regexp.MustCompile(`x509: (certificate has expired or is not yet valid[^\n"]*)`), "", doTime},
	{regexp.MustCompile(`CERT_HAS_EXPIRED|CERT_NOT_YET_VALID|(?i:certificate (?:has expired|is expired|is not yet (?:valid|activated))|expired certificate)`), "it has expired, or is not valid yet", doTime},
	{regexp.MustCompile(`x509: certificate signed by unknown authority|SELF_SIGNED_CERT_IN_CHAIN|DEPTH_ZERO_SELF_SIGNED_CERT|UNABLE_TO_GET_ISSUER_CERT(?:_LOCALLY)?|UNABLE_TO_VERIFY_LEAF_SIGNATURE|` +
		`(?i:unable to get (?:local )?issuer certificate|unable to verify the first certificate|self[- ]signed certificate|certificate issuer is unknown|signer not found)`), "its authority is not known here", doAuthority},
	{regexp.MustCompile(`(?i:server certificate verification failed|certificate verif(?:y|ication) failed)`), "the program does not say why", doUnknown},
}

// Said reports whether a program's output says that it refused a certificate, and why.
func Said(text string) (Refusal, bool) {
	for _, t := range texts {
		m := t.said.FindStringSubmatch(text)
		if m == nil {
			continue
		}
		problem := t.problem
		if problem == "" {
			problem = plain.Short(m[1], maxProblem)
		}
		return Refusal{problem, t.do}, true
	}
	return Refusal{}, false
}

func refusalOf(text string) (Refusal, bool) {
	if r, ok := Said(text); ok {
		return r, true
	}
	return Refusal{plain.Short(text, maxProblem), doOther}, true
}
