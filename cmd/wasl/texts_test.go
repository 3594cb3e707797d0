package main

import (
	"os"
	"testing"

	"github.com/wasl-sms/wasl/internal/text/texttest"
)

// Nobody is ever shown a key: every text that the program names is written.
func TestEveryTextIsWritten(t *testing.T) {
	t.Parallel()
	texts, err := catalogue()
	if err != nil {
		t.Fatal(err)
	}
	texttest.Used(t, texts, os.DirFS("../.."), "web.fault.")
}
