#include "adapters/admin_http/http_message.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum {
    HEAD_SIZE = 1024,
    BAD_REQUEST = 400,
    METHOD_NOT_ALLOWED = 405,
    CONTENT_TOO_LARGE = 413,
    URI_TOO_LONG = 414,
    FIELDS_TOO_LARGE = 431,
    VERSION_NOT_SUPPORTED = 505,
};

/* Part of the text that is being read. */
struct slice {
    const char *at;
    size_t size;
};

static bool slice_equal(struct slice s, const char *text)
{
    return s.size == strlen(text) && memcmp(s.at, text, s.size) == 0;
}

/* Cuts off what stands before `end`, which must be there. */
static bool slice_until(struct slice *rest, char end, struct slice *ret_part)
{
    const char *found = rest->size ? memchr(rest->at, end, rest->size) : NULL;
    if (!found)
        return false;
    *ret_part = (struct slice){rest->at, (size_t)(found - rest->at)};
    rest->at = found + 1;
    rest->size -= ret_part->size + 1;
    return true;
}

static int take_method(struct http_request *r, struct slice name)
{
    if (slice_equal(name, "GET"))
        r->method = HTTP_GET;
    else if (slice_equal(name, "HEAD"))
        r->method = HTTP_HEAD;
    else if (slice_equal(name, "POST"))
        r->method = HTTP_POST;
    else
        return METHOD_NOT_ALLOWED;
    return 0;
}

static int take_path(struct http_request *r, struct slice target)
{
    const char *query = memchr(target.at, '?', target.size);
    size_t size = query ? (size_t)(query - target.at) : target.size;
    if (size == 0 || target.at[0] != '/')
        return BAD_REQUEST;
    if (size >= sizeof r->path)
        return URI_TOO_LONG;
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)target.at[i] <= ' ' || (unsigned char)target.at[i] >= 0x7f)
            return BAD_REQUEST;
    memcpy(r->path, target.at, size);
    r->path[size] = '\0';
    return 0;
}

static int take_request_line(struct http_request *r, struct slice line)
{
    struct slice method, target;
    if (!slice_until(&line, ' ', &method) || !slice_until(&line, ' ', &target))
        return BAD_REQUEST;
    if (!slice_equal(line, "HTTP/1.1") && !slice_equal(line, "HTTP/1.0"))
        return VERSION_NOT_SUPPORTED;
    int status = take_method(r, method);
    return status ? status : take_path(r, target);
}

static struct slice trimmed(struct slice s)
{
    while (s.size > 0 && (s.at[0] == ' ' || s.at[0] == '\t')) {
        s.at++;
        s.size--;
    }
    while (s.size > 0 && (s.at[s.size - 1] == ' ' || s.at[s.size - 1] == '\t'))
        s.size--;
    return s;
}

static bool is_named(struct slice name, const char *wanted)
{
    return name.size == strlen(wanted) && strncasecmp(name.at, wanted, name.size) == 0;
}

static int take_header(struct http_request *r, struct slice line)
{
    struct slice name;
    if (!slice_until(&line, ':', &name) || name.size == 0)
        return BAD_REQUEST;
    struct slice value = trimmed(line);
    if (is_named(name, "Transfer-Encoding") ||
        (is_named(name, "Content-Length") && !slice_equal(value, "0")))
        return CONTENT_TOO_LARGE;
    if (!is_named(name, "Authorization"))
        return 0;
    if (value.size >= sizeof r->authorization)
        return FIELDS_TOO_LARGE;
    if (r->authorization[0] || memchr(value.at, '\0', value.size))
        return BAD_REQUEST;
    memcpy(r->authorization, value.at, value.size);
    r->authorization[value.size] = '\0';
    return 0;
}

int http_request_parse(struct http_request *ret_request, const char *head, size_t size)
{
    struct http_request r = {0};
    struct slice rest = {head, size}, line;
    bool first = true;
    int status = 0;
    while (status == 0 && slice_until(&rest, '\n', &line)) {
        if (line.size == 0 || line.at[--line.size] != '\r')
            return BAD_REQUEST;
        if (line.size == 0)
            break;
        status = first ? take_request_line(&r, line) : take_header(&r, line);
        first = false;
    }
    if (status == 0 && first)
        status = BAD_REQUEST;
    if (status == 0)
        *ret_request = r;
    return status;
}

static const char *reason_of(int status)
{
    static const struct {
        int status;
        const char *reason;
    } reasons[] = {
        {200, "OK"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {METHOD_NOT_ALLOWED, "Method Not Allowed"},
        {409, "Conflict"},
        {CONTENT_TOO_LARGE, "Content Too Large"},
        {URI_TOO_LONG, "URI Too Long"},
        {FIELDS_TOO_LARGE, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {503, "Service Unavailable"},
        {VERSION_NOT_SUPPORTED, "HTTP Version Not Supported"},
    };
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
        if (reasons[i].status == status)
            return reasons[i].reason;
    return "Bad Request";
}

/* Nothing of it may be kept, framed, or load anything from elsewhere. */
int http_response_head(const struct http_response *r, struct buf *out)
{
    char head[HEAD_SIZE];
    int n = snprintf(
        head, sizeof head,
        "HTTP/1.1 %d %s\r\n"
        "Content-Type: %s\r\n"
        "Content-Length: %zu\r\n"
        "Cache-Control: no-store\r\n"
        "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n"
        "X-Content-Type-Options: nosniff\r\n"
        "Referrer-Policy: no-referrer\r\n"
        "%s"
        "Connection: close\r\n\r\n",
        r->status, reason_of(r->status), r->content_type, r->body.size,
        r->status == 401 ? "WWW-Authenticate: Bearer\r\n" : "");
    return buf_append(out, head, (size_t)n);
}
