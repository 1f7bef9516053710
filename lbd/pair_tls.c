// SPDX-License-Identifier: GPL-2.0-or-later
#include "lbd/pair_tls.h"

#include "conf.h"
#include "keyfile.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/sslerr.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Static_assert((int)PAIR_KEY_BYTES == (int)KEYFILE_KEY_BYTES, "one key");
_Static_assert((int)PAIR_ERROR_MAX >= (int)KEYFILE_ERROR_MAX, "its texts fit ours");

struct pair_tls {
	SSL_CTX *ctx;
	uint8_t key[PAIR_KEY_BYTES];
	char self[CONF_NAME_MAX];
	char peer[CONF_NAME_MAX];
};

int pair_tls_same_key(const struct pair_tls *tls, const char *key_file, bool *same,
		      char error[static PAIR_ERROR_MAX])
{
	uint8_t key[PAIR_KEY_BYTES] = {0};
	int result = keyfile_read(key_file, key, error);

	*same = result == 0 && CRYPTO_memcmp(key, tls->key, sizeof(key)) == 0;
	OPENSSL_cleanse(key, sizeof(key));
	return result;
}

/* ---- pre-shared key ---- */

static SSL_SESSION *psk_session(SSL *ssl, const struct pair_tls *tls)
{
	static const uint8_t aes_128_gcm_sha256[] = {0x13, 0x01};
	const SSL_CIPHER *cipher = SSL_CIPHER_find(ssl, aes_128_gcm_sha256);
	SSL_SESSION *session = cipher ? SSL_SESSION_new() : NULL;

	if (session && SSL_SESSION_set1_master_key(session, tls->key, sizeof(tls->key)) &&
	    SSL_SESSION_set_cipher(session, cipher) &&
	    SSL_SESSION_set_protocol_version(session, TLS1_3_VERSION))
		return session;
	SSL_SESSION_free(session);
	return NULL;
}

/* Dialling side: offers our name and the key. */
static int use_session(SSL *ssl, const EVP_MD *md, const unsigned char **id, size_t *id_len,
		       SSL_SESSION **session)
{
	const struct pair_tls *tls = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

	*session = NULL;
	if (md && EVP_MD_get_type(md) != EVP_MD_get_type(EVP_sha256()))
		return 0;
	*session = psk_session(ssl, tls);
	*id = (const unsigned char *)tls->self;
	*id_len = strlen(tls->self);
	return *session != NULL;
}

/* Listening side: only the peer's name has a key. A stranger is marked for pair_tls_judge(). */
static int find_session(SSL *ssl, const unsigned char *id, size_t id_len, SSL_SESSION **session)
{
	struct pair_tls *tls = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

	*session = NULL;
	if (id_len != strlen(tls->peer) || CRYPTO_memcmp(id, tls->peer, id_len) != 0) {
		SSL_set_app_data(ssl, tls);
		return 1; /* no key for it: the handshake fails for want of a certificate */
	}
	*session = psk_session(ssl, tls);
	return *session != NULL;
}

static SSL_CTX *new_context(struct pair_tls *tls)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_method());

	if (!ctx)
		return NULL;
	if (!SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) ||
	    !SSL_CTX_set_ciphersuites(ctx, "TLS_AES_128_GCM_SHA256") ||
	    !SSL_CTX_set_num_tickets(ctx, 0)) {
		SSL_CTX_free(ctx);
		return NULL;
	}
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_psk_use_session_callback(ctx, use_session);
	SSL_CTX_set_psk_find_session_callback(ctx, find_session);
	SSL_CTX_set_app_data(ctx, tls);
	return ctx;
}

int pair_tls_open(const char *key_file, const char *self, const char *peer, struct pair_tls **out,
		  char error[static PAIR_ERROR_MAX])
{
	struct pair_tls *tls = calloc(1, sizeof(*tls));

	if (!tls)
		return -ENOMEM;
	snprintf(tls->self, sizeof(tls->self), "%s", self);
	snprintf(tls->peer, sizeof(tls->peer), "%s", peer);
	int result = keyfile_read(key_file, tls->key, error);

	if (result == 0) {
		tls->ctx = new_context(tls);
		if (!tls->ctx) {
			ERR_error_string_n(ERR_get_error(), error, PAIR_ERROR_MAX);
			result = -ENOMEM;
		}
	}
	if (result) {
		pair_tls_close(tls);
		return result;
	}
	*out = tls;
	return 0;
}

void pair_tls_close(struct pair_tls *tls)
{
	if (!tls)
		return;
	SSL_CTX_free(tls->ctx);
	OPENSSL_cleanse(tls->key, sizeof(tls->key));
	free(tls);
}

SSL *pair_tls_new(struct pair_tls *tls, bool dial)
{
	SSL *ssl = SSL_new(tls->ctx);

	if (!ssl)
		return NULL;
	/* What the event loop could not write, pair_link_leave() writes from another buffer. */
	SSL_set_mode(ssl, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	/* No trusted certificate exists: a server that shows one instead of the key fails. */
	if (dial)
		SSL_set_verify(ssl, SSL_VERIFY_PEER, NULL);
	return ssl;
}

bool pair_tls_is_authentic(SSL *ssl)
{
	return SSL_version(ssl) == TLS1_3_VERSION && SSL_session_reused(ssl) == 1;
}

static enum pair_refusal judge_reason(int reason)
{
	switch (reason) {
	case SSL_R_BINDER_DOES_NOT_VERIFY:
	case SSL_R_SSLV3_ALERT_ILLEGAL_PARAMETER: /* what the other side says of our binder */
	case SSL_R_TLSV1_ALERT_DECRYPT_ERROR:
		return PAIR_REFUSAL_WRONG_KEY;
	case SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE: /* it has no key for our name */
		return PAIR_REFUSAL_WRONG_NODE;
	case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
	case SSL_R_UNSUPPORTED_PROTOCOL:
		return PAIR_REFUSAL_VERSION;
	default:
		return PAIR_REFUSAL_GARBAGE;
	}
}

enum pair_refusal pair_tls_judge(SSL *ssl, unsigned long openssl_error,
				 char error[static PAIR_ERROR_MAX])
{
	const char *text = openssl_error ? ERR_reason_error_string(openssl_error) : NULL;

	if (SSL_get_app_data(ssl)) {
		snprintf(error, PAIR_ERROR_MAX, "handshake under a name that is not the peer's");
		return PAIR_REFUSAL_WRONG_NODE;
	}
	enum pair_refusal refusal =
		openssl_error ? judge_reason(ERR_GET_REASON(openssl_error)) : PAIR_REFUSAL_GARBAGE;

	snprintf(error, PAIR_ERROR_MAX, "handshake failed: %s%s",
		 text ? text : "connection closed early",
		 refusal == PAIR_REFUSAL_WRONG_KEY ? " (the key files of the two nodes differ)"
						   : "");
	return refusal;
}

const char *pair_refusal_name(enum pair_refusal refusal)
{
	static const char *const name[PAIR_REFUSAL_N] = {
		[PAIR_REFUSAL_WRONG_KEY] = "wrong_key",
		[PAIR_REFUSAL_GARBAGE] = "garbage",
		[PAIR_REFUSAL_WRONG_NODE] = "wrong_node",
		[PAIR_REFUSAL_VERSION] = "version",
	};

	return refusal < PAIR_REFUSAL_N ? name[refusal] : "unknown";
}
