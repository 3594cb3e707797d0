package main

import (
	"testing"

	"github.com/wasl-sms/wasl/internal/dialog/dialogtest"
	"github.com/wasl-sms/wasl/internal/text"
)

// TestTranscripts plays every service's conversations, in every language, over
// USSD and by text, through the real link and on the real servers.
func TestTranscripts(t *testing.T) {
	t.Parallel()
	dialogtest.Run(t, "../../internal/services/*/testdata/*.dialog", func(t *testing.T) dialogtest.World {
		w := newWorld(t)
		return dialogtest.World{
			Phone: func(_ *testing.T, number string) dialogtest.Phone { return w.phone(number) },
			Do: map[string]func(*testing.T, []string){
				// family NUMBER LANG: is registered, with the PIN 4826
				"family": func(t *testing.T, args []string) { w.family(t, args[0], text.Lang(args[1]), "AB123456") },
				// permitted NUMBER LANG: and has a permit
				"permitted": func(t *testing.T, args []string) {
					account := w.family(t, args[0], text.Lang(args[1]), "AB123456")
					w.decide(t, w.send(t, account, "41207").ID, true)
					w.heard(t, args[0], 2)
				},
				"grant":  func(t *testing.T, args []string) { w.decide(t, w.byRef(t, args[0]).ID, true) },
				"refuse": func(t *testing.T, args []string) { w.decide(t, w.byRef(t, args[0]).ID, false) },
				"paper": func(t *testing.T, args []string) {
					f := w.byRef(t, args[0])
					err := w.app.permits.AskPapers(t.Context(), w.staff("authority", "paper/"+args[0]), f.ID, f.Version, []string{"family_book"}, "")
					if err != nil {
						t.Fatal(err)
					}
				},
			},
		}
	})
}
