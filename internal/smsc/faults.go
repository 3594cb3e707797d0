package smsc

import (
	"time"

	"github.com/wasl-sms/wasl/smpp"
)

// Faults are what this operator does badly. The zero value behaves. Any of
// them go together; which messages a chance strikes is the same for the same
// Seed and order of messages.
type Faults struct {
	Seed uint64

	// Answers to submit_sm and data_sm.
	ResponseDelay  time.Duration // before each answer
	ResponseJitter time.Duration // and up to so much longer
	TPS            float64       // messages a second before ESME_RTHROTTLED; 0: no limit
	Burst          int           // of that token bucket; at least 1
	QueueFull      bool          // every message gets ESME_RMSGQFUL
	Status         smpp.Status   // messages that Refuse strikes get this one
	Refuse         Dose
	LoseResponses  Dose   // accepted, and never answered
	WrongSequence  Dose   // answered under a number that was not asked
	SameSequence   Dose   // an enquire_link of ours first, under the message's own number
	BadLength      Dose   // the answer's command_length is impossible
	CutShort       Dose   // the answer ends inside its message_id
	UnknownCommand Dose   // the answer's command is none
	ResponseID     IDForm // how message ids are written there

	// Links.
	DropAfter    int         // the link is cut at the n-th accepted message from now, before its answer
	DropEvery    int         // and at every n-th
	UnbindAfter  int         // unbind goes out at the n-th accepted message from now, before its answer
	HalfOpen     bool        // nothing is heard and nothing said, the connection stays
	StopReading  bool        // nothing is read
	ReadRate     int         // octets a second that are read; 0: no limit
	IgnoreBinds  bool        // a bind is never answered
	BindStatus   smpp.Status // binds that RefuseBinds strikes get this one
	RefuseBinds  Dose
	EarlyEnquire bool // enquire_link comes before the bind's answer
	DuplicateMO  Dose // deliver_sm of handsets come twice

	// Receipts.
	NoReceipts     bool
	ReceiptDelay   time.Duration
	ReceiptJitter  time.Duration // up to so much longer
	ReceiptFirst   bool          // the receipt leaves before the answer
	ReceiptTwice   Dose
	ReceiptReverse int    // so many are gathered, and the last goes first
	ReceiptID      IDForm // as in the answer, unless set
	ReceiptForm    ReceiptForm
	ReceiptBind    ReceiptBind
	LateEnroute    bool // after the final receipt one that says ENROUTE
	EchoReference  bool // user_message_reference comes back in the receipt
	Undelivered    Dose // accepted, then not delivered with UndeliveredErr
	UndeliveredErr string
}

// IDForm is how an operator writes its message ids, which are numbers.
type IDForm string

// Forms of message ids.
const (
	IDDec      IDForm = "dec"
	IDHex      IDForm = "hex"
	IDHexUpper IDForm = "HEX"
	IDZeros    IDForm = "zeros" // decimal, with zeros in front
)

// ReceiptForm is what a receipt consists of.
type ReceiptForm string

// Forms of receipts.
const (
	ReceiptBoth     ReceiptForm = "both"     // text and TLVs
	ReceiptTLV      ReceiptForm = "tlv"      // TLVs alone
	ReceiptText     ReceiptForm = "text"     // text alone
	ReceiptBare     ReceiptForm = "bare"     // text with id and stat, no other field
	ReceiptUnmarked ReceiptForm = "unmarked" // text alone, and esm_class does not say what it is
)

// ReceiptBind is which bind of the account a receipt takes.
type ReceiptBind string

// Binds of receipts.
const (
	ReceiptAny   ReceiptBind = "any"   // each in turn
	ReceiptSame  ReceiptBind = "same"  // the one that submitted
	ReceiptOther ReceiptBind = "other" // another one, where there is one
)
