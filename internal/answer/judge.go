package answer

import (
	"context"
	"fmt"

	"github.com/pgmcp/pgmcp/internal/llm"
)

// A verdict is what a model finds when it examines an answer.
type verdict struct {
	ReadsAs      string `json:"reads_as"` // the question that the SQL answers
	Intent       grade  `json:"intent_matches"`
	Columns      grade  `json:"columns_answer_question"`
	FiltersAll   grade  `json:"filters_complete"`
	FiltersRight grade  `json:"filters_correct"`
	Joins        grade  `json:"joins_correct"`
	Grain        grade  `json:"aggregation_grain"`
	TimeWindow   grade  `json:"time_window"`
	Ambiguity    string `json:"ambiguity"` // "none", "minor" or "major"
	OtherReading string `json:"other_reading"`
	Verdict      grade  `json:"verdict"`
}

// A grade is "yes", "no" or "unclear".
type grade string

// An examined is an answer as a judge sees it.
type examined struct {
	question string
	grounds  []ground
	date     string
	sql      string
	part     string // of the database: the tables that the SQL reads
	looks    shape
	sample   string // rows of the result; empty: none
}

// examine has the model look at an answer. A model that cannot be asked, or
// whose reply is unusable, gives no verdict but a doubt: the caller is owed an
// answer that says so. Only what is [grave] is an error.
func (p *Pipeline) examine(ctx context.Context, a *Answer, in examined) (*verdict, []doubt, error) {
	var v verdict
	err := p.ask(ctx, a, verdictRequest(JudgeModel(p.config.LLM), in), p.verdict, &v)
	if ends := grave(ctx, err); ends != nil {
		return nil, nil, ends
	}
	if timeUp(ctx) {
		return nil, []doubt{notExamined(p.tooLong())}, nil
	}
	if err != nil {
		return nil, []doubt{notExamined(err)}, nil
	}
	v.ReadsAs, v.OtherReading = plain(v.ReadsAs, 300), plain(v.OtherReading, 300)
	return &v, v.doubts(), nil
}

// verdictRequest asks whether SQL answers the question. Without a sample it
// depends on the shape of the result and on no value in it, so that data cannot
// talk to the judge.
func verdictRequest(model string, in examined) llm.Request {
	return llm.Request{
		Stage: llm.StageJudge,
		Model: model,
		Title: in.question,
		Messages: []llm.Message{
			{Role: "system", Content: headed(judgePrompt)},
			{Role: "user", Content: fmt.Sprintf("%s\n%s%s\n\nThe question, as a JSON string:\n%s\n\nThe SQL, each line after a bar:\n%s\n\nThe result:\n%s%s",
				in.part, groundsText(in.grounds), in.date, quoted(visible(in.question)), barred(visible(in.sql)), in.looks, in.sample)},
		},
	}
}

// question asks back what the answer leaves in doubt. A nil verdict leaves everything.
func (v *verdict) question() string {
	switch {
	case v == nil || v.ReadsAs == "":
		return "Does the SQL say what you mean? Name the table, the filter or the period to be surer."
	case v.OtherReading != "":
		return fmt.Sprintf("Do you mean %q or rather %q?", v.ReadsAs, v.OtherReading)
	default:
		return fmt.Sprintf("Do you mean %q? If not, name the table, the filter or the period that you want.", v.ReadsAs)
	}
}
