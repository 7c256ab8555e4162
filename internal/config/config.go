// Package config reads a CUE configuration into Go values, or says everything
// that is wrong with it, each problem at its place and with a hint. It connects
// to nothing; what a setting means is decided by the package that uses it.
package config

// Config is a valid configuration: defaults filled in, secrets still only named.
// schema.cue documents every field.
type Config struct {
	Server        Server              `json:"server"`
	Databases     map[string]Database `json:"databases"`
	Security      Security            `json:"security"`
	Answers       Answers             `json:"answers"`
	LLM           *LLM                `json:"llm"` // nil: no model is configured
	Resilience    Resilience          `json:"resilience"`
	Observability Observability       `json:"observability"`
}

// Server is how clients reach pgmcp.
type Server struct {
	Transport      string           `json:"transport"` // "stdio" or "http"
	Listen         string           `json:"listen"`
	Tokens         map[string]Token `json:"tokens"`          // by whom they are for
	TrustedProxies []string         `json:"trusted_proxies"` // networks such as 10.0.0.0/8
	Insecure       bool             `json:"insecure"`
	Drain          Duration         `json:"drain"`
	Watch          Interval         `json:"watch"`
}

// Token is somebody who may use the http transport.
type Token struct {
	Token     Secret   `json:"token"`
	Databases []string `json:"databases"` // nil: all
	Tools     []string `json:"tools"`     // nil: all
	Limit     *Rate    `json:"limit"`     // nil: the common one
}

// Database is one database to serve.
type Database struct {
	URL            Secret     `json:"url"`
	Description    string     `json:"description"`
	Pool           Pool       `json:"pool"`
	ConnectTimeout Duration   `json:"connect_timeout"`
	Limit          *Rate      `json:"limit"` // of statements; nil: the common one
	CatalogRefresh Duration   `json:"catalog_refresh"`
	Schemas        []string   `json:"schemas"`
	Verified       string     `json:"verified"` // empty: there are no verified queries
	Security       *Overrides `json:"security"` // nil: the common rules alone

	Queries map[string]Query `json:"-"` // what Verified holds, by name
}

// Pool bounds a database's connections.
type Pool struct {
	Min        int `json:"min"`
	Max        int `json:"max"`
	MaxOrphans int `json:"max_orphans"`
}

// Security is the policy for all databases.
type Security struct {
	Blocked             Blocked  `json:"blocked"`
	AllowFunctions      []string `json:"allow_functions"`
	AllowExtensions     []string `json:"allow_extensions"`
	AllowExplain        bool     `json:"allow_explain"`
	AllowPrivilegedRole bool     `json:"allow_privileged_role"`
	MaxQuestionLength   int      `json:"max_question_length"` // characters
	Limits              Limits   `json:"limits"`
}

// Blocked lists the patterns of what nobody may read or call.
type Blocked struct {
	Schemas   []string `json:"schemas"`
	Tables    []string `json:"tables"`
	Columns   []string `json:"columns"`
	Functions []string `json:"functions"`
}

// Limits bound one statement.
type Limits struct {
	MaxStatementSize Size     `json:"max_statement_size"`
	MaxTokens        int      `json:"max_tokens"`
	MaxRows          int      `json:"max_rows"`
	MaxBytes         Size     `json:"max_bytes"`
	StatementTimeout Duration `json:"statement_timeout"`
	MaxCost          float64  `json:"max_cost"`      // 0: no limit
	MaxPlanRows      float64  `json:"max_plan_rows"` // 0: no limit
}

// Overrides is what one database adds to Security, or replaces of it: lists are
// joined, and what is not nil replaces.
type Overrides struct {
	Blocked             Blocked        `json:"blocked"`
	AllowFunctions      []string       `json:"allow_functions"`
	AllowExtensions     []string       `json:"allow_extensions"`
	AllowExplain        *bool          `json:"allow_explain"`
	AllowPrivilegedRole *bool          `json:"allow_privileged_role"`
	Limits              LimitOverrides `json:"limits"`
}

// LimitOverrides replaces the limits that are not nil.
type LimitOverrides struct {
	MaxStatementSize *Size     `json:"max_statement_size"`
	MaxTokens        *int      `json:"max_tokens"`
	MaxRows          *int      `json:"max_rows"`
	MaxBytes         *Size     `json:"max_bytes"`
	StatementTimeout *Duration `json:"statement_timeout"`
	MaxCost          *float64  `json:"max_cost"`
	MaxPlanRows      *float64  `json:"max_plan_rows"`
}

// Answers is how questions are answered.
type Answers struct {
	ConfidenceThreshold float64  `json:"confidence_threshold"`
	OnLowConfidence     string   `json:"on_low_confidence"` // "withhold" or "flag"
	TokenBudget         int      `json:"token_budget"`
	Values              string   `json:"values"` // "off", "enum", "stats" or "lookup"
	Date                string   `json:"date"`   // "today", "none" or YYYY-MM-DD
	MaxRepairs          int      `json:"max_repairs"`
	JudgeRows           string   `json:"judge_rows"` // "shape" or "sample"
	MaxModelCalls       int      `json:"max_model_calls"`
	MaxTokens           int      `json:"max_tokens"`
	Timeout             Duration `json:"timeout"`
	Checks              Checks   `json:"checks"`
	Calibration         string   `json:"calibration"` // empty: scores are not calibrated
	Cache               Cache    `json:"cache"`
}

// Checks are what each check without a model does: "cap", "warn" or "ignore".
type Checks struct {
	Empty             string `json:"empty"`
	AllNull           string `json:"all_null"`
	SingleZero        string `json:"single_zero"`
	CapHit            string `json:"cap_hit"`
	UngroundedLiteral string `json:"ungrounded_literal"`
	Cartesian         string `json:"cartesian"`
	FanOut            string `json:"fan_out"`
	LimitWithoutOrder string `json:"limit_without_order"`
	TimeDependent     string `json:"time_dependent"`
	NoFilter          string `json:"no_filter"`
}

// Cache bounds what is remembered of answers.
type Cache struct {
	MaxEntries int      `json:"max_entries"` // 0: nothing is
	TTL        Duration `json:"ttl"`
}

// LLM is an OpenAI-compatible model, or a folder of golden answers.
type LLM struct {
	BaseURL    string   `json:"base_url"`
	Model      string   `json:"model"`
	JudgeModel string   `json:"judge_model"` // empty: Model
	Judge      *Judge   `json:"judge"`       // nil: it is on the same server
	APIKey     *Secret  `json:"api_key"`     // nil: none is sent
	Timeout    Duration `json:"timeout"`
	Replay     string   `json:"replay"` // empty: the model is asked

	Prices map[string]Price `json:"prices"` // by model
}

// Price is what a million tokens of one model cost, in any currency.
type Price struct {
	Input  float64 `json:"input"`
	Output float64 `json:"output"`
}

// Judge is a model that examines answers on a server of its own.
type Judge struct {
	BaseURL string  `json:"base_url"`
	Model   string  `json:"model"`
	APIKey  *Secret `json:"api_key"` // nil: none is sent
}

// Resilience is what is done about too many calls, and about databases and models
// that do not answer.
type Resilience struct {
	Limits      RateLimits  `json:"limits"`
	Concurrency Concurrency `json:"concurrency"`
	Retry       Retries     `json:"retry"`
	Breaker     Breakers    `json:"breaker"`
}

// RateLimits bound how often something is done.
type RateLimits struct {
	Client      Rate            `json:"client"` // tool calls of each client
	Tools       map[string]Rate `json:"tools"`  // by name
	Statement   Rate            `json:"statement"`
	Model       Rate            `json:"model"`
	ModelTokens Rate            `json:"model_tokens"`
}

// Concurrency bounds how much is done at once, for each name of a kind.
type Concurrency struct {
	Tool      int `json:"tool"`
	Statement int `json:"statement"`
	Model     int `json:"model"`
}

// Retries are how operations are tried again.
type Retries struct {
	Statement Retry `json:"statement"`
	Model     Retry `json:"model"`
}

// Retry is how one kind of operation is tried again.
type Retry struct {
	MaxAttempts int      `json:"max_attempts"`
	BaseDelay   Duration `json:"base_delay"`
	MaxDelay    Duration `json:"max_delay"`
}

// Breakers are when what is asked is given up on.
type Breakers struct {
	Database DatabaseBreaker `json:"database"`
	Model    Breaker         `json:"model"`
}

// Breaker is when one model's server is given up on.
type Breaker struct {
	Failures int      `json:"failures"` // 0: never
	Delay    Duration `json:"delay"`
	Probes   int      `json:"probes"`
}

// DatabaseBreaker is when one database is given up on.
type DatabaseBreaker struct {
	Failures int      `json:"failures"` // 0: never
	Delay    Duration `json:"delay"`
	Probes   int      `json:"probes"`
	Slow     Duration `json:"slow"`
}

// Observability is what pgmcp says of itself.
type Observability struct {
	Log     Log     `json:"log"`
	Audit   *Audit  `json:"audit"` // nil: there is none
	Metrics Metrics `json:"metrics"`
	OTLP    *OTLP   `json:"otlp"` // nil: nothing is sent
}

// Log is what goes to standard error.
type Log struct {
	Level  string `json:"level"`
	Format string `json:"format"` // "auto", "text" or "json"
}

// Audit is the record of what was done and refused.
type Audit struct {
	File     string `json:"file"`
	Required bool   `json:"required"`
	Text     bool   `json:"text"`
	MaxSize  Size   `json:"max_size"`
}

// Metrics is where numbers are shown.
type Metrics struct {
	Listen string `json:"listen"` // empty: beside /mcp
}

// OTLP is where metrics and spans are sent.
type OTLP struct {
	Endpoint string `json:"endpoint"`
	SQL      bool   `json:"sql"`
}
