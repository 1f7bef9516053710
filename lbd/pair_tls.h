/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Authentication of the pair link: TLS 1.3 with an external pre-shared key (RFC 8446 2.2, 4.2.11),
 * TLS_AES_128_GCM_SHA256, always with a fresh key exchange (psk_dhe_ke), no certificates, no
 * tickets. The PSK identity is the dialling node's name. Caller: pair.c and pair_link.c.
 */
#ifndef HA_PAIR_TLS_H
#define HA_PAIR_TLS_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>

struct pair_tls;

/** Why a connection did not become the pair link; the counters of status row 1010. */
enum pair_refusal {
	PAIR_REFUSAL_WRONG_KEY,
	PAIR_REFUSAL_GARBAGE,    /**< not from the peer's address, no TLS, broken, or too slow */
	PAIR_REFUSAL_WRONG_NODE, /**< another node's name */
	PAIR_REFUSAL_VERSION,    /**< no common protocol version */
	PAIR_REFUSAL_N,
};

enum { PAIR_KEY_BYTES = 32, PAIR_ERROR_MAX = 256 };

/**
 * Reads the key file (64 hex digits, owned by root or ourselves, not accessible by others) and
 * prepares TLS for node self, whose peer is `peer`; the names are copied. Returns 0, or -errno with
 * the text and the remedy in error.
 */
int pair_tls_open(const char *key_file, const char *self, const char *peer, struct pair_tls **out,
		  char error[static PAIR_ERROR_MAX]) __attribute__((warn_unused_result));
void pair_tls_close(struct pair_tls *tls);
/** Whether a key file holds this key. Returns 0 or -errno with the text in error. */
int pair_tls_same_key(const struct pair_tls *tls, const char *key_file, bool *same,
		      char error[static PAIR_ERROR_MAX]) __attribute__((warn_unused_result));
/** A new connection object; NULL when out of memory. The caller (or its bufferevent) frees it. */
SSL *pair_tls_new(struct pair_tls *tls, bool dial);
/** True when the finished handshake really rested on the pre-shared key. */
bool pair_tls_is_authentic(SSL *ssl);
/**
 * Sorts the OpenSSL error of a failed handshake (0: none, the peer just went away) and writes its
 * text to error.
 */
enum pair_refusal pair_tls_judge(SSL *ssl, unsigned long openssl_error,
				 char error[static PAIR_ERROR_MAX]);
/** "wrong_key", "garbage", "wrong_node", "version". */
const char *pair_refusal_name(enum pair_refusal refusal);

#endif
