package smpp

import "encoding/binary"

// Tag names an optional parameter. [SMPP 3.4 §5.3.2; 5.0 §4.8.1]
type Tag uint16

const (
	TagDestAddrSubunit          Tag = 0x0005
	TagDestNetworkType          Tag = 0x0006
	TagDestBearerType           Tag = 0x0007
	TagDestTelematicsID         Tag = 0x0008
	TagSourceAddrSubunit        Tag = 0x000D
	TagSourceNetworkType        Tag = 0x000E
	TagSourceBearerType         Tag = 0x000F
	TagSourceTelematicsID       Tag = 0x0010
	TagQOSTimeToLive            Tag = 0x0017
	TagPayloadType              Tag = 0x0019
	TagAdditionalStatusInfoText Tag = 0x001D
	TagReceiptedMessageID       Tag = 0x001E
	TagMSMsgWaitFacilities      Tag = 0x0030
	TagPrivacyIndicator         Tag = 0x0201
	TagSourceSubaddress         Tag = 0x0202
	TagDestSubaddress           Tag = 0x0203
	TagUserMessageReference     Tag = 0x0204
	TagUserResponseCode         Tag = 0x0205
	TagSourcePort               Tag = 0x020A
	TagDestinationPort          Tag = 0x020B
	TagSARMsgRefNum             Tag = 0x020C
	TagLanguageIndicator        Tag = 0x020D
	TagSARTotalSegments         Tag = 0x020E
	TagSARSegmentSeqnum         Tag = 0x020F
	TagSCInterfaceVersion       Tag = 0x0210
	TagCallbackNumPresInd       Tag = 0x0302
	TagCallbackNumAtag          Tag = 0x0303
	TagNumberOfMessages         Tag = 0x0304
	TagCallbackNum              Tag = 0x0381
	TagDPFResult                Tag = 0x0420
	TagSetDPF                   Tag = 0x0421
	TagMSAvailabilityStatus     Tag = 0x0422
	TagNetworkErrorCode         Tag = 0x0423
	TagMessagePayload           Tag = 0x0424
	TagDeliveryFailureReason    Tag = 0x0425
	TagMoreMessagesToSend       Tag = 0x0426
	TagMessageState             Tag = 0x0427
	TagCongestionState          Tag = 0x0428
	TagUSSDServiceOp            Tag = 0x0501
	TagDisplayTime              Tag = 0x1201
	TagSMSSignal                Tag = 0x1203
	TagMSValidity               Tag = 0x1204
	TagAlertOnMessageDelivery   Tag = 0x130C
	TagITSReplyType             Tag = 0x1380
	TagITSSessionInfo           Tag = 0x1383
)

// TLV is one optional parameter. Value is in network order, as on the wire.
type TLV struct {
	Tag   Tag
	Value []byte
}

// TLVs keeps the order of the wire; a tag may repeat.
type TLVs []TLV

// Get returns the first value with this tag.
func (t TLVs) Get(tag Tag) ([]byte, bool) {
	for i := range t {
		if t[i].Tag == tag {
			return t[i].Value, true
		}
	}
	return nil, false
}

// Set replaces the first value with this tag, or adds it.
func (t *TLVs) Set(tag Tag, value []byte) {
	for i := range *t {
		if (*t)[i].Tag == tag {
			(*t)[i].Value = value
			return
		}
	}
	*t = append(*t, TLV{tag, value})
}

// SetUint8 sets a one octet integer.
func (t *TLVs) SetUint8(tag Tag, v uint8) { t.Set(tag, []byte{v}) }

// SetUint16 sets a two octet integer.
func (t *TLVs) SetUint16(tag Tag, v uint16) { t.Set(tag, binary.BigEndian.AppendUint16(nil, v)) }

// SetUint32 sets a four octet integer.
func (t *TLVs) SetUint32(tag Tag, v uint32) { t.Set(tag, binary.BigEndian.AppendUint32(nil, v)) }

// SetString sets a C-octet string, NUL included.
func (t *TLVs) SetString(tag Tag, s string) { t.Set(tag, append([]byte(s), 0)) }

// Uint reads an integer of one to four octets.
func (t TLVs) Uint(tag Tag) (uint32, bool) {
	b, ok := t.Get(tag)
	if !ok || len(b) == 0 || len(b) > 4 {
		return 0, false
	}
	var v uint32
	for _, o := range b {
		v = v<<8 | uint32(o)
	}
	return v, true
}

// SAR reads the place of a part in a longer text: sar_msg_ref_num,
// sar_total_segments and sar_segment_seqnum. ok is false unless all three are
// there and seq is one of total. [SMPP 3.4 §5.3.2.22-24]
func (t TLVs) SAR() (ref uint16, total, seq uint8, ok bool) {
	r, ok1 := t.Uint(TagSARMsgRefNum)
	n, ok2 := t.Uint(TagSARTotalSegments)
	i, ok3 := t.Uint(TagSARSegmentSeqnum)
	if !ok1 || !ok2 || !ok3 || r > 0xFFFF || n > 0xFF || i == 0 || i > n {
		return 0, 0, 0, false
	}
	return uint16(r), uint8(n), uint8(i), true
}

// SetSAR sets what SAR reads.
func (t *TLVs) SetSAR(ref uint16, total, seq uint8) {
	t.SetUint16(TagSARMsgRefNum, ref)
	t.SetUint8(TagSARTotalSegments, total)
	t.SetUint8(TagSARSegmentSeqnum, seq)
}

// Text reads a C-octet string up to its NUL, or to the end where the peer
// forgot it.
func (t TLVs) Text(tag Tag) (string, bool) {
	b, ok := t.Get(tag)
	if !ok {
		return "", false
	}
	for i, o := range b {
		if o == 0 {
			b = b[:i]
			break
		}
	}
	return string(b), true
}
