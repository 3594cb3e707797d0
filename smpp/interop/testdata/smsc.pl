# Net::SMPP as SMSC: accepts one bind and one submit_sm, delivers one USSD
# message, answers unbind.
use strict; use warnings; use Net::SMPP; $| = 1;
my $listen = Net::SMPP->new_listen('127.0.0.1', port => 0, smpp_version => 0x34) or die "listen: $!";
printf "port %d\n", $listen->sockport;
my $s = $listen->accept or die "accept: $!";
my $bind = $s->read_pdu() or die "no bind";
printf "bind 0x%08x %s %s\n", $bind->{cmd}, $bind->{system_id}, $bind->{password};
$s->bind_transceiver_resp(system_id => 'perl', seq => $bind->{seq});
my $m = $s->read_pdu() or die "no submit";
printf "submit %s %s op %d\n", $m->{destination_addr}, $m->{short_message}, unpack('C', $m->{ussd_service_op});
$s->submit_sm_resp(message_id => 'P1', seq => $m->{seq});
my $seq = $s->deliver_sm(service_type => 'USSD', source_addr => '212600000001', destination_addr => '369', short_message => '*369#',
    ussd_service_op => pack('C', 1), its_session_info => pack('n', 0x1200), async => 1);
my $r = $s->read_pdu() or die "no deliver_sm_resp";
printf "answer 0x%08x %d\n", $r->{cmd}, $r->{status};
my $u = $s->read_pdu() or die "no unbind";
printf "unbind 0x%08x\n", $u->{cmd};
$s->unbind_resp(seq => $u->{seq});
