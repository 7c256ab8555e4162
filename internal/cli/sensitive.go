package cli

import (
	"regexp"
	"strings"
	"sync"
	"unicode"

	"github.com/pgmcp/pgmcp/internal/catalog"
)

// A suspicion is what a column's name says about the data in it.
type suspicion struct {
	note string
	name *regexp.Regexp // fits a name as words makes it
}

// suspicions are looked through in order. Short words must stand alone:
// "classname" has nothing to do with "ssn".
var suspicions = sync.OnceValue(func() []suspicion {
	return []suspicion{
		{"a credential", regexp.MustCompile(`password|passwd|passphrase|passcode|_pwd|_pw_|_secrets?_|token|api_?key|private_?key|access_?key|credential|_otp_|_totp_|_salt_|_pin_`)},
		{"payment data", regexp.MustCompile(`card_?(number|num|no|holder)_|credit_?card|_pan_|_cvv|_cvc|_iban_|_bic_|account_?(number|no)_|routing_?(number|no)_|sort_?code`)},
		{"an identity number", regexp.MustCompile(`_ssn_|social_?security|tax_?(id|number|no)_|_tin_|_vat_?id_|passport|national_?id|identity_?(number|no)_|driv(er|ing)_?s?_?licen[cs]e`)},
		{"a date of birth", regexp.MustCompile(`birth|_dob_`)},
		{"personal contact data", regexp.MustCompile(`e_?mail|phone|_mobile_|_fax_|_street_|_address_|postal_?address|_ip_|_ip_?addr`)},
		{"pay", regexp.MustCompile(`salary|_wages?_|_payroll_|_bonus_`)},
		{"sensitive personal data", regexp.MustCompile(`religion|ethnic|_race_|sexual|diagnos|disabilit|_medical_`)},
	}
})

// harmless fits names that speak about such data and do not hold it.
var harmless = regexp.MustCompile(`_(count|length|type|status|verified|confirmed|enabled|at|expires|expiry)_$`)

// suspect is what the column's name says about its data, or "".
func suspect(c catalog.Column) string {
	name := words(c.Name)
	if c.Type == "boolean" || harmless.MatchString(name) {
		return ""
	}
	for _, s := range suspicions() {
		if s.name.MatchString(name) {
			return s.note
		}
	}
	return ""
}

// words is a name in lower case with "_" around each word: _card_number_ for
// cardNumber, "Card Number" and card_number.
func words(name string) string {
	var b strings.Builder
	b.WriteByte('_')
	previous := '_'
	for _, r := range name {
		switch {
		case !unicode.IsLetter(r) && !unicode.IsDigit(r):
			r = '_'
		case unicode.IsUpper(r) && unicode.IsLower(previous):
			b.WriteByte('_')
		}
		if r != '_' || previous != '_' {
			b.WriteRune(unicode.ToLower(r))
		}
		previous = r
	}
	if previous != '_' {
		b.WriteByte('_')
	}
	return b.String()
}
