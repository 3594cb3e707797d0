package gateway

import (
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"github.com/wasl-sms/wasl/smpp"
)

// Parameter is an optional parameter that an operator wants with every text,
// such as the number under which it registered a template.
type Parameter struct {
	Tag  uint16 `toml:"tag"`
	Text string `toml:"text"` // as it stands, or
	Hex  string `toml:"hex"`

	value []byte
}

// ours reports whether a message has the parameter by itself.
func ours(tag smpp.Tag) bool {
	switch tag {
	case smpp.TagMessagePayload, smpp.TagUserMessageReference, smpp.TagSARMsgRefNum, smpp.TagSARTotalSegments, smpp.TagSARSegmentSeqnum,
		smpp.TagUSSDServiceOp, smpp.TagITSSessionInfo:
		return true
	default:
		return false
	}
}

func (p *Parameter) complete() error {
	switch {
	case p.Tag == 0:
		return errors.New("parameter without a tag: write it like tag = 0x1400")
	case ours(smpp.Tag(p.Tag)):
		return fmt.Errorf("parameter 0x%04X is set by Wasl itself: remove it", p.Tag)
	case (p.Text == "") == (p.Hex == ""):
		return fmt.Errorf("parameter 0x%04X: give text or hex, one of the two", p.Tag)
	}
	p.value = []byte(p.Text)
	if p.Hex != "" {
		var err error
		if p.value, err = hex.DecodeString(p.Hex); err != nil {
			return fmt.Errorf("parameter 0x%04X: hex is %q: write two digits for each octet", p.Tag, p.Hex)
		}
	}
	if len(p.value) > 255 {
		return fmt.Errorf("parameter 0x%04X has %d octets: at most 255", p.Tag, len(p.value))
	}
	return nil
}

// Statuses are further answers of one operator that are no refusal for good:
// many have numbers of their own, or take one of the specification's for it.
type Statuses struct {
	SlowerOn []smpp.Status `toml:"slower_on"` // as ESME_RTHROTTLED
	LaterOn  []smpp.Status `toml:"later_on"`  // as ESME_RSYSERR
}

func (s Statuses) check() error {
	for _, status := range slices.Concat(s.SlowerOn, s.LaterOn) {
		if status == smpp.StatusOK {
			return errors.New("slower_on and later_on hold refusals: remove 0")
		}
		if slices.Contains(s.SlowerOn, status) && slices.Contains(s.LaterOn, status) {
			return fmt.Errorf("0x%02X is in slower_on and in later_on: remove it from one", uint32(status))
		}
	}
	return nil
}

func (s Statuses) slower(status smpp.Status) bool {
	return status.Throttling() && !slices.Contains(s.LaterOn, status) || slices.Contains(s.SlowerOn, status)
}

func (s Statuses) later(status smpp.Status) bool {
	return status.Temporary() || slices.Contains(s.LaterOn, status)
}
