package main

import (
	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/dialog"
	"github.com/wasl-sms/wasl/internal/establishment"
	"github.com/wasl-sms/wasl/internal/form"
	"github.com/wasl-sms/wasl/internal/inbox"
	"github.com/wasl-sms/wasl/internal/links"
	"github.com/wasl-sms/wasl/internal/outbox"
	"github.com/wasl-sms/wasl/internal/services/account"
	"github.com/wasl-sms/wasl/internal/services/info"
	"github.com/wasl-sms/wasl/internal/services/permit"
	"github.com/wasl-sms/wasl/internal/services/visit"
	"github.com/wasl-sms/wasl/internal/text"
	"github.com/wasl-sms/wasl/internal/web"
)

// catalogue is every text of the program.
func catalogue() (*text.Catalogue, error) {
	return text.Load(casework.Texts(), form.Texts(), dialog.Texts(), establishment.Texts(),
		account.Texts(), info.Texts(), permit.Texts(), visit.Texts(), inbox.CatalogueFiles(), outbox.CatalogueFiles(), links.CatalogueFiles(), web.Texts())
}
