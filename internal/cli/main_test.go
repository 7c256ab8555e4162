package cli

import (
	"testing"

	"github.com/pgmcp/pgmcp/internal/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }
