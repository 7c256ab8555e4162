package call

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// note is a layer that writes down when an operation enters and leaves it.
func note(trail *[]string, name string) Layer {
	return func(next Handler) Handler {
		return func(ctx context.Context, op Op) error {
			*trail = append(*trail, name+" in "+op.Name)
			err := next(ctx, op)
			*trail = append(*trail, name+" out")
			return err
		}
	}
}

func TestFirstLayerIsOutermost(t *testing.T) {
	var trail []string
	c := New(note(&trail, "a"), note(&trail, "b"))
	got, err := Do(t.Context(), c, Op{Kind: Tool, Name: "ask"}, func(context.Context) (int, error) {
		trail = append(trail, "do")
		return 7, nil
	})
	if got != 7 || err != nil {
		t.Fatalf("got %d, %v", got, err)
	}
	want := []string{"a in ask", "b in ask", "do", "b out", "a out"}
	if diff := cmp.Diff(want, trail); diff != "" {
		t.Error(diff)
	}
}

func TestResultBesideError(t *testing.T) {
	no := errors.New("no")
	for _, c := range []Chain{{}, New(Recover(slog.New(slog.DiscardHandler)))} {
		got, err := Do(t.Context(), c, Op{}, func(context.Context) (string, error) { return "part", no })
		if got != "part" || err != no {
			t.Errorf("got %q, %v", got, err)
		}
	}
}

func TestRecover(t *testing.T) {
	var out bytes.Buffer
	c := New(Recover(slog.New(slog.NewTextHandler(&out, nil))))
	_, err := Do(t.Context(), c, Op{Kind: Statement, Name: "shop"}, func(context.Context) (int, error) {
		panic("the cellar is under water")
	})
	if err == nil || err.Error() != "internal error" {
		t.Errorf("the error is %v", err)
	}
	for _, want := range []string{"level=ERROR", "kind=statement", "name=shop", "under water", "call_test.go"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the log does not hold %q:\n%s", want, out.String())
		}
	}
}

func BenchmarkDo(b *testing.B) {
	pass := func(next Handler) Handler {
		return func(ctx context.Context, op Op) error { return next(ctx, op) }
	}
	c := New(pass, pass, Recover(slog.New(slog.DiscardHandler)))
	b.ReportAllocs()
	for b.Loop() {
		Do(b.Context(), c, Op{Kind: Tool, Name: "ask"}, func(context.Context) (int, error) { return 1, nil })
	}
}
