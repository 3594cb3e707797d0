// node-smpp as an ESME that asks more than to send: submit_multi, query_sm,
// cancel_sm, replace_sm, and a PDU of SMPP 5.0.
const smpp = require('smpp');
const say = o => console.log(JSON.stringify(o));
const session = smpp.connect({host: '127.0.0.1', port: +process.argv[2]}, () => {
  session.bind_transceiver({system_id: 'node', password: 'secret', interface_version: 0x34}, () => {
    session.submit_multi({source_addr: '369', short_message: 'hi', dest_address: [
      {dest_addr_ton: 1, dest_addr_npi: 1, destination_addr: '212600000001'}, {dl_name: 'families'}]}, m => {
      say({multi: m.command_status, id: m.message_id, failed: m.unsuccess_sme});
      session.query_sm({message_id: 'A1', source_addr: '369'}, q => {
        say({query: q.command_status, id: q.message_id, date: q.final_date && q.final_date.toISOString(), state: q.message_state, error: q.error_code});
        session.cancel_sm({message_id: 'A1', source_addr: '369', destination_addr: '212600000001'}, c => {
          say({cancel: c.command_status});
          session.replace_sm({message_id: 'A1', source_addr: '369', short_message: 'ho'}, r => {
            say({replace: r.command_status});
            session.query_broadcast_sm({source_addr: '369', message_id: 'A1'});
          });
        });
      });
    });
  });
});
session.on('generic_nack', p => {
  say({nack: p.command_status});
  session.unbind({}, r => { say({unbind: r.command_status}); session.close(); });
});
session.on('error', e => { say({error: String(e)}); process.exit(1); });
