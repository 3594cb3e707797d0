package smpp

import "fmt"

// Status is a command_status. [SMPP 3.4 §5.1.3] It is an error, so that a
// handler answers the peer with a status by returning it.
type Status uint32

const (
	StatusOK           Status = 0x00
	ErrInvMsgLen       Status = 0x01
	ErrInvCmdLen       Status = 0x02
	ErrInvCmdID        Status = 0x03
	ErrInvBndSts       Status = 0x04
	ErrAlyBnd          Status = 0x05
	ErrInvPrtFlg       Status = 0x06
	ErrInvRegDlvFlg    Status = 0x07
	ErrSysErr          Status = 0x08
	ErrInvSrcAdr       Status = 0x0A
	ErrInvDstAdr       Status = 0x0B
	ErrInvMsgID        Status = 0x0C
	ErrBindFail        Status = 0x0D
	ErrInvPaswd        Status = 0x0E
	ErrInvSysID        Status = 0x0F
	ErrCancelFail      Status = 0x11
	ErrReplaceFail     Status = 0x13
	ErrMsgQueueFull    Status = 0x14
	ErrInvSerTyp       Status = 0x15
	ErrInvNumDests     Status = 0x33
	ErrInvDLName       Status = 0x34
	ErrInvDestFlag     Status = 0x40
	ErrInvSubRep       Status = 0x42
	ErrInvESMClass     Status = 0x43
	ErrCntSubDL        Status = 0x44
	ErrSubmitFail      Status = 0x45
	ErrInvSrcTON       Status = 0x48
	ErrInvSrcNPI       Status = 0x49
	ErrInvDstTON       Status = 0x50
	ErrInvDstNPI       Status = 0x51
	ErrInvSysTyp       Status = 0x53
	ErrInvRepFlag      Status = 0x54
	ErrInvNumMsgs      Status = 0x55
	ErrThrottled       Status = 0x58
	ErrInvSched        Status = 0x61
	ErrInvExpiry       Status = 0x62
	ErrInvDftMsgID     Status = 0x63
	ErrRxTAppn         Status = 0x64
	ErrRxPAppn         Status = 0x65
	ErrRxRAppn         Status = 0x66
	ErrQueryFail       Status = 0x67
	ErrInvOptParStream Status = 0xC0
	ErrOptParNotAllwd  Status = 0xC1
	ErrInvParLen       Status = 0xC2
	ErrMissingOptParam Status = 0xC3
	ErrInvOptParamVal  Status = 0xC4
	ErrDeliveryFailure Status = 0xFE
	ErrUnknown         Status = 0xFF

	// Of 5.0, as peers of that version may answer with them. [5.0 §4.7.6]
	ErrSerTypUnauth      Status = 0x100
	ErrProhibited        Status = 0x101
	ErrSerTypUnavail     Status = 0x102
	ErrSerTypDenied      Status = 0x103
	ErrInvDCS            Status = 0x104
	ErrInvSrcAddrSubunit Status = 0x105
	ErrInvDstAddrSubunit Status = 0x106
	ErrInvBcastFreqInt   Status = 0x107
	ErrInvBcastAliasName Status = 0x108
	ErrInvBcastAreaFmt   Status = 0x109
	ErrInvNumBcastAreas  Status = 0x10A
	ErrInvBcastCntType   Status = 0x10B
	ErrInvBcastMsgClass  Status = 0x10C
	ErrBcastFail         Status = 0x10D
	ErrBcastQueryFail    Status = 0x10E
	ErrBcastCancelFail   Status = 0x10F
	ErrInvBcastRep       Status = 0x110
	ErrInvBcastSrvGrp    Status = 0x111
	ErrInvBcastChanInd   Status = 0x112

	firstVendorStatus    Status = 0x400
	lastVendorStatus     Status = 0x4FF
	statusNotInTableText        = "status 0x%08x"
)

type statusInfo struct {
	name, meaning string
}

var statuses = map[Status]statusInfo{
	StatusOK:           {"ESME_ROK", "no error"},
	ErrInvMsgLen:       {"ESME_RINVMSGLEN", "message length is invalid"},
	ErrInvCmdLen:       {"ESME_RINVCMDLEN", "command length is invalid"},
	ErrInvCmdID:        {"ESME_RINVCMDID", "invalid command id"},
	ErrInvBndSts:       {"ESME_RINVBNDSTS", "incorrect bind status for given command"},
	ErrAlyBnd:          {"ESME_RALYBND", "already bound"},
	ErrInvPrtFlg:       {"ESME_RINVPRTFLG", "invalid priority flag"},
	ErrInvRegDlvFlg:    {"ESME_RINVREGDLVFLG", "invalid registered delivery flag"},
	ErrSysErr:          {"ESME_RSYSERR", "system error"},
	ErrInvSrcAdr:       {"ESME_RINVSRCADR", "invalid source address"},
	ErrInvDstAdr:       {"ESME_RINVDSTADR", "invalid destination address"},
	ErrInvMsgID:        {"ESME_RINVMSGID", "message id is invalid"},
	ErrBindFail:        {"ESME_RBINDFAIL", "bind failed"},
	ErrInvPaswd:        {"ESME_RINVPASWD", "invalid password"},
	ErrInvSysID:        {"ESME_RINVSYSID", "invalid system id"},
	ErrCancelFail:      {"ESME_RCANCELFAIL", "cancel failed"},
	ErrReplaceFail:     {"ESME_RREPLACEFAIL", "replace failed"},
	ErrMsgQueueFull:    {"ESME_RMSGQFUL", "message queue full"},
	ErrInvSerTyp:       {"ESME_RINVSERTYP", "invalid service type"},
	ErrInvNumDests:     {"ESME_RINVNUMDESTS", "invalid number of destinations"},
	ErrInvDLName:       {"ESME_RINVDLNAME", "invalid distribution list name"},
	ErrInvDestFlag:     {"ESME_RINVDESTFLAG", "invalid destination flag"},
	ErrInvSubRep:       {"ESME_RINVSUBREP", "submit with replace refused"},
	ErrInvESMClass:     {"ESME_RINVESMCLASS", "invalid esm_class"},
	ErrCntSubDL:        {"ESME_RCNTSUBDL", "cannot submit to distribution list"},
	ErrSubmitFail:      {"ESME_RSUBMITFAIL", "submit failed"},
	ErrInvSrcTON:       {"ESME_RINVSRCTON", "invalid source TON"},
	ErrInvSrcNPI:       {"ESME_RINVSRCNPI", "invalid source NPI"},
	ErrInvDstTON:       {"ESME_RINVDSTTON", "invalid destination TON"},
	ErrInvDstNPI:       {"ESME_RINVDSTNPI", "invalid destination NPI"},
	ErrInvSysTyp:       {"ESME_RINVSYSTYP", "invalid system type"},
	ErrInvRepFlag:      {"ESME_RINVREPFLAG", "invalid replace_if_present flag"},
	ErrInvNumMsgs:      {"ESME_RINVNUMMSGS", "invalid number of messages"},
	ErrThrottled:       {"ESME_RTHROTTLED", "throttled: allowed message rate exceeded"},
	ErrInvSched:        {"ESME_RINVSCHED", "invalid scheduled delivery time"},
	ErrInvExpiry:       {"ESME_RINVEXPIRY", "invalid validity period"},
	ErrInvDftMsgID:     {"ESME_RINVDFTMSGID", "predefined message id is invalid"},
	ErrRxTAppn:         {"ESME_RX_T_APPN", "temporary receiver error"},
	ErrRxPAppn:         {"ESME_RX_P_APPN", "permanent receiver error"},
	ErrRxRAppn:         {"ESME_RX_R_APPN", "receiver reject"},
	ErrQueryFail:       {"ESME_RQUERYFAIL", "query failed"},
	ErrInvOptParStream: {"ESME_RINVOPTPARSTREAM", "error in the optional part of the PDU"},
	ErrOptParNotAllwd:  {"ESME_ROPTPARNOTALLWD", "optional parameter not allowed"},
	ErrInvParLen:       {"ESME_RINVPARLEN", "invalid parameter length"},
	ErrMissingOptParam: {"ESME_RMISSINGOPTPARAM", "expected optional parameter missing"},
	ErrInvOptParamVal:  {"ESME_RINVOPTPARAMVAL", "invalid optional parameter value"},
	ErrDeliveryFailure: {"ESME_RDELIVERYFAILURE", "delivery failure"},
	ErrUnknown:         {"ESME_RUNKNOWNERR", "unknown error"},

	ErrSerTypUnauth:      {"ESME_RSERTYPUNAUTH", "ESME not authorised to use the service type"},
	ErrProhibited:        {"ESME_RPROHIBITED", "ESME prohibited from using the operation"},
	ErrSerTypUnavail:     {"ESME_RSERTYPUNAVAIL", "service type is unavailable"},
	ErrSerTypDenied:      {"ESME_RSERTYPDENIED", "service type is denied"},
	ErrInvDCS:            {"ESME_RINVDCS", "invalid data coding scheme"},
	ErrInvSrcAddrSubunit: {"ESME_RINVSRCADDRSUBUNIT", "invalid source address subunit"},
	ErrInvDstAddrSubunit: {"ESME_RINVDSTADDRSUBUNIT", "invalid destination address subunit"},
	ErrInvBcastFreqInt:   {"ESME_RINVBCASTFREQINT", "invalid broadcast frequency interval"},
	ErrInvBcastAliasName: {"ESME_RINVBCASTALIAS_NAME", "invalid broadcast alias name"},
	ErrInvBcastAreaFmt:   {"ESME_RINVBCASTAREAFMT", "invalid broadcast area format"},
	ErrInvNumBcastAreas:  {"ESME_RINVNUMBCAST_AREAS", "number of broadcast areas is invalid"},
	ErrInvBcastCntType:   {"ESME_RINVBCASTCNTTYPE", "invalid broadcast content type"},
	ErrInvBcastMsgClass:  {"ESME_RINVBCASTMSGCLASS", "invalid broadcast message class"},
	ErrBcastFail:         {"ESME_RBCASTFAIL", "broadcast_sm failed"},
	ErrBcastQueryFail:    {"ESME_RBCASTQUERYFAIL", "query_broadcast_sm failed"},
	ErrBcastCancelFail:   {"ESME_RBCASTCANCELFAIL", "cancel_broadcast_sm failed"},
	ErrInvBcastRep:       {"ESME_RINVBCAST_REP", "invalid number of repeated broadcasts"},
	ErrInvBcastSrvGrp:    {"ESME_RINVBCASTSRVGRP", "invalid broadcast service group"},
	ErrInvBcastChanInd:   {"ESME_RINVBCASTCHANIND", "invalid broadcast channel indicator"},
}

// Name is the name in the specification, or the number in hex.
func (s Status) Name() string {
	if info, ok := statuses[s]; ok {
		return info.name
	}
	return fmt.Sprintf(statusNotInTableText, uint32(s))
}

// Error names the status, its number and its meaning.
func (s Status) Error() string {
	info, ok := statuses[s]
	switch {
	case ok:
		return fmt.Sprintf("%s (0x%02x): %s", info.name, uint32(s), info.meaning)
	case s >= firstVendorStatus && s <= lastVendorStatus:
		return fmt.Sprintf(statusNotInTableText+" (vendor specific)", uint32(s))
	default:
		return fmt.Sprintf(statusNotInTableText, uint32(s))
	}
}

// Temporary reports whether the same message may be accepted later.
func (s Status) Temporary() bool {
	switch s {
	case ErrThrottled, ErrMsgQueueFull, ErrSysErr, ErrRxTAppn:
		return true
	default:
		return false
	}
}

// Throttling reports whether the peer asks for a slower rate.
func (s Status) Throttling() bool { return s == ErrThrottled || s == ErrMsgQueueFull }

// BindFatal reports whether repeating the bind soon may lock the account.
func (s Status) BindFatal() bool {
	return s == ErrBindFail || s == ErrInvPaswd || s == ErrInvSysID
}
