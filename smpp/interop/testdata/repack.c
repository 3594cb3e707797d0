/* Reads PDUs from stdin, unpacks and packs each with libsmpp34, and writes
 * the result; a PDU that cannot be read gives a line on stderr and stops. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <arpa/inet.h>
#include <libsmpp34/smpp34.h>
#include <libsmpp34/smpp34_structs.h>
#include <libsmpp34/smpp34_params.h>

int smpp34_unpack2(void *tt, const uint8_t *buf, int len);
int smpp34_pack2(uint8_t *buf, int size, int *len, void *tt);

int main(void) {
    static uint8_t in[65536], out[65536], pdu[65536];
    while (fread(in, 1, 4, stdin) == 4) {
        uint32_t n;
        int len = 0;
        memcpy(&n, in, 4);
        n = ntohl(n);
        if (n < 16 || n > sizeof in || fread(in + 4, 1, n - 4, stdin) != n - 4) return 2;
        memset(pdu, 0, sizeof pdu);
        if (smpp34_unpack2(pdu, in, n) != 0 || smpp34_pack2(out, sizeof out, &len, pdu) != 0) {
            fprintf(stderr, "libsmpp34: %d %s\n", smpp34_errno, smpp34_strerror);
            return 1;
        }
        fwrite(out, 1, len, stdout);
    }
    return 0;
}
