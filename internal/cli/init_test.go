package cli

import (
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pgmcp/pgmcp/internal/catalog"
	"github.com/pgmcp/pgmcp/internal/config"
)

func TestSuspect(t *testing.T) {
	for note, names := range map[string][]string{
		"a credential": {
			"password", "PASSWORD", "passwordHash", "user_passwd", "pwd", "api_key", "apikey", "apiKey", "token",
			"refresh_tokens", "client secret", "secret", "private_key", "pin", "salt",
		},
		"payment data":            {"card_number", "cardNumber", "credit_card", "creditcard", "cvv", "cvv2", "cvc", "iban", "IBAN", "account_number"},
		"an identity number":      {"ssn", "user_ssn", "SSN", "social_security", "socialSecurityNumber", "tax_id", "taxId", "passport", "passport_no", "national_id", "driving_licence"},
		"a date of birth":         {"birth_date", "birthday", "date_of_birth", "dob", "DOB"},
		"personal contact data":   {"email", "e_mail", "emailAddress", "contact_email", "phone", "telephone", "mobile", "ip_address", "address", "street"},
		"pay":                     {"salary", "base_salary", "wage"},
		"sensitive personal data": {"religion", "ethnicity", "diagnosis"},
		"": {
			"id", "name", "classname", "session", "sessionno", "secretary", "adobe", "pinned", "spin", "opinion", "assign",
			"company", "email_count", "password_length", "email_verified", "phone_type", "token_expires", "panel", "tint", "salty",
			"street_lamp_count", "", "_", "wager", "bonuses", "bicycle", "mobility", "addressee",
		},
	} {
		for _, name := range names {
			if got := suspect(catalog.Column{Name: name, Type: "text"}); got != note {
				t.Errorf("%q: %q, want %q", name, got, note)
			}
		}
	}
	if got := suspect(catalog.Column{Name: "has_password", Type: "boolean"}); got != "" {
		t.Errorf("a switch is %s", got)
	}
}

func TestWords(t *testing.T) {
	for name, want := range map[string]string{
		"card_number":  "_card_number_",
		"cardNumber":   "_card_number_",
		"CardNumber":   "_card_number_",
		"Card  Number": "_card_number_",
		"_card":        "_card_",
		"CARD":         "_card_",
		"":             "_",
	} {
		if got := words(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}

func TestJudge(t *testing.T) {
	var db foundDatabase
	db.pickOut(&catalog.Catalog{
		Schemas: []string{"empty", "a*b", "\"c\"", "hr", "public", "audit"},
		Relations: []*catalog.Relation{
			{Schema: "hr", Name: "staff", Kind: catalog.Table, Columns: []catalog.Column{{Name: "name"}, {Name: "salary"}}},
			{Schema: "hr", Name: "staff_2020", Kind: catalog.Table, Parents: []uint32{1}, Partition: "DEFAULT", Columns: []catalog.Column{{Name: "salary"}}},
			{Schema: "audit", Name: "odd.\"name\" ", Kind: catalog.View, Columns: []catalog.Column{{Name: "e*mail phone"}}},
			{Schema: "empty", Name: "token_seq", Kind: catalog.Sequence, Columns: []catalog.Column{{Name: "token"}}},
			{Schema: "a*b", Name: "t", Kind: catalog.Table},
			{Schema: "\"c\"", Name: "t", Kind: catalog.Table},
		},
	})
	if want := []string{"public", "audit", "hr"}; !slices.Equal(db.Schemas, want) {
		t.Errorf("schemas %q, want %q", db.Schemas, want)
	}
	want := []blockedColumn{{"hr.staff.salary", "pay"}, {"audit.odd**name**.e*mail phone", "personal contact data"}}
	if !slices.Equal(db.Blocked, want) {
		t.Errorf("blocked %q, want %q", db.Blocked, want)
	}
	if db.Tables != 5 {
		t.Errorf("%d tables", db.Tables)
	}
}

func TestNamesOfDatabases(t *testing.T) {
	taken := map[string]bool{}
	for _, c := range [][2]string{
		{"shop", "shop"},
		{"Shop", "shop_2"},
		{"my-shop", "my_shop"},
		{"my shop", "my_shop_2"},
		{"2024", "db_2024"},
		{"", "db_"},
		{"Übung", "bung"},
		{strings.Repeat("x", 63), strings.Repeat("x", 60)},
		{strings.Repeat("x", 62), strings.Repeat("x", 60) + "_2"},
	} {
		db := foundDatabase{Database: c[0]}
		if db.name(taken); db.Name != c[1] || db.Variable != strings.ToUpper(c[1])+"_URL" {
			t.Errorf("%q: %q, %q, want %q", c[0], db.Name, db.Variable, c[1])
		}
	}
}

// What init writes is good, whatever the names on the server.
func TestConfigIsValid(t *testing.T) {
	odd := "o\"d\\d\nname // \\(x) #\"#"
	for name, found := range map[string]*foundServer{
		"example": example(),
		"found": {Databases: []*foundDatabase{
			{Name: "a", Variable: "A_URL", Database: odd, Schemas: []string{"public", odd}, Blocked: []blockedColumn{{pattern(odd, odd, odd), "a credential"}}},
			{Name: "b", Variable: "B_URL", Database: "b", Schemas: []string{"public"}},
		}},
	} {
		text, err := found.config()
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "config.cue")
		if err := os.WriteFile(path, text, 0o644); err != nil {
			t.Fatal(err)
		}
		cfg, err := config.Load(path)
		if err != nil {
			t.Errorf("%s:\n%s\n%v", name, text, err)
			continue
		}
		if len(cfg.Databases) != len(found.Databases) {
			t.Errorf("%s: %d databases", name, len(cfg.Databases))
		}
		if name == "found" && cfg.Databases["a"].Schemas[1] != odd {
			t.Errorf("schema %q, want %q", cfg.Databases["a"].Schemas[1], odd)
		}
	}
}

func TestNextStepsHideThePassword(t *testing.T) {
	for text, want := range map[string]string{
		"postgres://ann:hunter2@db.example:5433/old?sslmode=require": "export SHOP_URL='postgres://ann:PASSWORD@db.example:5433/my%20shop?sslmode=require'",
		"postgres://ann@db.example/old":                              "export SHOP_URL='postgres://ann@db.example/my%20shop'",
		"postgres://db.example":                                      "export SHOP_URL='postgres://db.example/my%20shop'",
		"postgres://db.example/old?user=ann&password=hunter2":        "export SHOP_URL='postgres://db.example/my%20shop?password=PASSWORD&user=ann'",
		"postgresql://a:hunter2@x/y?dbname=z&sslpassword=hunter2":    "export SHOP_URL='postgresql://a:PASSWORD@x/my%20shop?sslpassword=PASSWORD'",
	} {
		u, err := url.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		found := &foundServer{url: u, Databases: []*foundDatabase{{Name: "shop", Variable: "SHOP_URL", Database: "my shop"}}}
		got := found.nextSteps("config.cue", nil)
		if !strings.Contains(got, want) || strings.Contains(got, "hunter2") {
			t.Errorf("%s:\n%s\nwant %s", text, got, want)
		}
		if hint := strings.Contains(got, "in place of PASSWORD"); hint != strings.Contains(text, "hunter2") {
			t.Errorf("%s: hint %v", text, hint)
		}
	}
}

func TestShellQuote(t *testing.T) {
	for s, want := range map[string]string{
		"config.cue": "config.cue",
		"my conf":    "'my conf'",
		"it's":       `'it'\''s'`,
		"$(x)":       "'$(x)'",
		"":           "''",
	} {
		if got := shellQuote(s); got != want {
			t.Errorf("%q: %s, want %s", s, got, want)
		}
	}
}

// On standard output there is nothing but the configuration.
func TestInitToStandardOutput(t *testing.T) {
	t.Setenv("PGMCP_DATABASE_URL", "")
	t.Setenv("DATABASE_URL", "")
	want, err := example().config()
	if err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr := run(t, nil, "init", "--output", "-")
	if code != 0 || stdout != string(want) || !strings.Contains(stderr, "export SHOP_URL") {
		t.Errorf("exit code %d, stdout %q, stderr %q", code, stdout, stderr)
	}
}
