# Net::SMPP as an SMSC that calls: outbind, then the bind that follows on the
# same connection, then one message.
use strict; use warnings; use Net::SMPP; $| = 1;
my $s = Net::SMPP->new_connect('127.0.0.1', port => $ARGV[0], smpp_version => 0x34, async => 1) or die "connect: $!";
$s->outbind(system_id => 'perl', password => 'theirs');
my $bind = $s->read_pdu() or die "no bind";
printf "bind 0x%08x %s %s\n", $bind->{cmd}, $bind->{system_id}, $bind->{password};
$s->bind_receiver_resp(system_id => 'perl', seq => $bind->{seq});
$s->deliver_sm(source_addr => '212600000001', destination_addr => '369', short_message => 'SUIVI', async => 1);
my $r = $s->read_pdu() or die "no deliver_sm_resp";
printf "answer 0x%08x %d\n", $r->{cmd}, $r->{status};
my $u = $s->read_pdu() or die "no unbind";
printf "unbind 0x%08x\n", $u->{cmd};
$s->unbind_resp(seq => $u->{seq});
