# Net::SMPP as ESME: binds, submits with a USSD op, answers one deliver_sm.
use strict; use warnings; use Net::SMPP; $| = 1;
my ($smpp, $resp) = Net::SMPP->new_transceiver('127.0.0.1', port => $ARGV[0], system_id => 'perl',
    password => 'secret', smpp_version => 0x34) or die "bind: $!";
die "no bind_resp" unless defined $resp;
printf "bind %d %s\n", $resp->{status}, $resp->{system_id};
my $r = $smpp->submit_sm(source_addr => '369', destination_addr => '212600000001', short_message => 'hi',
    ussd_service_op => pack('C', 2)) or die "submit";
printf "submit %d %s\n", $r->{status}, $r->{message_id};
my $e = $smpp->enquire_link() or die "enquire";
printf "enquire %d\n", $e->{status};
my $pdu = $smpp->read_pdu() or die "read";
printf "deliver 0x%08x %s op %d\n", $pdu->{cmd}, $pdu->{short_message}, unpack('C', $pdu->{ussd_service_op});
$smpp->deliver_sm_resp(message_id => '', seq => $pdu->{seq});
my $u = $smpp->unbind() or die "unbind";
printf "unbind %d\n", $u->{status};
