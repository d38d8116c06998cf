#include "transport/identity.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "transport/ed25519.h"

enum {
    PEM_MAX_BYTES = 4096, /* one key takes 119 */
    NAME_MAX_BYTES = 64,
};

struct identity {
    EVP_PKEY *key;
    struct wire_peer_id peer_id;
};

struct identity *identity_free(struct identity *i)
{
    if (!i)
        return NULL;
    EVP_PKEY_free(i->key);
    free(i);
    return NULL;
}

/* Takes the key, also when it fails. */
static int identity_new(struct identity **ret_identity, EVP_PKEY *takes_key)
{
    struct identity *i = calloc(1, sizeof *i);
    struct wire_key public_key;
    int r;

    if (!i) {
        EVP_PKEY_free(takes_key);
        return -ENOMEM;
    }
    i->key = takes_key;
    r = ed25519_public_key(i->key, &public_key);
    if (r < 0) {
        (void)identity_free(i);
        return r;
    }
    (void)snprintf(i->peer_id.text, sizeof i->peer_id.text, "ed25519:%s", public_key.text);
    *ret_identity = i;
    return 0;
}

/* Without it OpenSSL would ask at the terminal for the passphrase of an encrypted key. */
static int no_passphrase(char *ret_text, int size, int writing, void *userdata)
{
    (void)ret_text;
    (void)size;
    (void)writing;
    (void)userdata;
    return -1;
}

static int read_file(int fd, char *ret_text, size_t size_max, size_t *ret_size)
{
    size_t size = 0;

    while (size < size_max) {
        ssize_t n = read(fd, ret_text + size, size_max - size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            break;
        size += (size_t)n;
    }
    *ret_size = size;
    return 0;
}

static int read_key_file(int fd, char *ret_text, size_t size_max, size_t *ret_size)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode))
        return IDENTITY_E_CORRUPT;
    if (st.st_mode & (S_IRWXG | S_IRWXO))
        return IDENTITY_E_EXPOSED;
    return read_file(fd, ret_text, size_max, ret_size);
}

int identity_load(struct identity **ret_identity, int dir_fd, const char *name)
{
    char text[PEM_MAX_BYTES];
    size_t size = 0;
    EVP_PKEY *key = NULL;
    BIO *bio;
    int r, fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0)
        return errno == ELOOP ? IDENTITY_E_CORRUPT : -errno;
    r = read_key_file(fd, text, sizeof text, &size);
    (void)close(fd);
    if (r)
        return r;
    bio = BIO_new_mem_buf(text, (int)size);
    if (bio)
        key = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);
    BIO_free(bio);
    OPENSSL_cleanse(text, sizeof text);
    ERR_clear_error();
    if (!bio)
        return -ENOMEM;
    if (!key || EVP_PKEY_get_base_id(key) != EVP_PKEY_ED25519) {
        EVP_PKEY_free(key);
        return IDENTITY_E_CORRUPT;
    }
    return identity_new(ret_identity, key);
}

static int write_all(int fd, const char *text, size_t size)
{
    while (size > 0) {
        ssize_t n = write(fd, text, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        text += n;
        size -= (size_t)n;
    }
    return fsync(fd) < 0 ? -errno : 0;
}

static int write_key_file(int dir_fd, const char *name, const char *text, size_t size)
{
    char unfinished[NAME_MAX_BYTES];
    int fd, r;

    (void)snprintf(unfinished, sizeof unfinished, "%s.new", name);
    /* One that a killed process left behind: the state directory is locked, so nobody is writing it. */
    if (unlinkat(dir_fd, unfinished, 0) < 0 && errno != ENOENT)
        return -errno;
    fd = openat(dir_fd, unfinished, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    r = write_all(fd, text, size);
    if (close(fd) < 0 && r == 0)
        r = -errno;
    if (r == 0 && renameat(dir_fd, unfinished, dir_fd, name) < 0)
        r = -errno;
    if (r == 0 && fsync(dir_fd) < 0)
        r = -errno;
    return r;
}

int identity_create(struct identity **ret_identity, int dir_fd, const char *name)
{
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    BIO *bio = BIO_new(BIO_s_secmem());
    char *text;
    long size;
    int r = -EIO;

    if (key && bio && PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1) {
        size = BIO_get_mem_data(bio, &text);
        r = write_key_file(dir_fd, name, text, (size_t)size);
    }
    BIO_free(bio);
    ERR_clear_error();
    if (r < 0) {
        EVP_PKEY_free(key);
        return r;
    }
    return identity_new(ret_identity, key);
}

const struct wire_peer_id *identity_peer_id(const struct identity *i)
{
    return &i->peer_id;
}

int identity_sign(const struct identity *i, const void *text, size_t size,
                  struct wire_signature *ret_signature)
{
    return ed25519_sign(i->key, text, size, ret_signature);
}
