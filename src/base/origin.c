#include "base/origin.h"

#include <string.h>

#include "base/buf.h"

#define NAME_MAX_BYTES 253
#define LABEL_MAX_BYTES 63

static const struct str http = STR_INIT("http://");
static const struct str https = STR_INIT("https://");

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_label(struct str label)
{
    if (label.len == 0 || label.len > LABEL_MAX_BYTES || label.ptr[0] == '-'
        || label.ptr[label.len - 1] == '-')
        return false;
    for (size_t i = 0; i < label.len; i++) {
        char c = lower(label.ptr[i]);
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'))
            return false;
    }
    return true;
}

static bool is_name(struct str host)
{
    struct str rest = host, label;

    if (host.len == 0 || host.len > NAME_MAX_BYTES || host.ptr[host.len - 1] == '.')
        return false;
    while (str_cut(&rest, '.', &label))
        if (!is_label(label))
            return false;
    return true;
}

/* "[2001:db8::1]": which addresses there are is for whoever connects to say. */
static bool is_bracketed(struct str host)
{
    if (host.len < 4 || host.ptr[0] != '[' || host.ptr[host.len - 1] != ']')
        return false;
    for (size_t i = 1; i + 1 < host.len; i++)
        if (!memchr("0123456789abcdefABCDEF:.", host.ptr[i], 24))
            return false;
    return host.len <= 2 + 45;
}

/* Up to what ends it; a backslash is a slash to browsers. */
static struct str authority_of(struct str rest)
{
    size_t end = 0;

    while (end < rest.len && !memchr("/?#\\", rest.ptr[end], 4))
        end++;
    return str_slice(rest, 0, end);
}

/* False when there is a port that is none. `port` stays when there is none. */
static bool split_port(struct str *host, int64_t *port)
{
    size_t colon = host->len;

    while (colon > 0 && host->ptr[colon - 1] != ':' && host->ptr[colon - 1] != ']')
        colon--;
    if (colon == 0 || host->ptr[colon - 1] == ']')
        return colon == 0 || colon == host->len;
    struct str digits = str_slice(*host, colon, host->len);
    *host = str_slice(*host, 0, colon - 1);
    return digits.len > 0 && digits.len <= 5 && digits.ptr[0] >= '0' && digits.ptr[0] <= '9'
           && str_to_i64(digits, port) && *port > 0 && *port <= 65535;
}

bool origin_of(struct str url, struct arena *arena, struct str *out)
{
    bool secure = url.len >= https.len && str_equal_nocase(str_slice(url, 0, https.len), https);
    bool plain = url.len >= http.len && str_equal_nocase(str_slice(url, 0, http.len), http);
    int64_t own_port = secure ? 443 : 80;
    int64_t port = own_port;
    struct buf text;

    if (!secure && !plain)
        return false;
    struct str host = authority_of(str_slice(url, secure ? https.len : http.len, url.len));
    if (!split_port(&host, &port) || (!is_name(host) && !is_bracketed(host)))
        return false;
    buf_init(&text, arena, ORIGIN_MAX);
    buf_add(&text, secure ? https : http);
    for (size_t i = 0; i < host.len; i++)
        buf_add_char(&text, lower(host.ptr[i]));
    if (port != own_port)
        buf_addf(&text, ":%lld", (long long)port);
    *out = buf_str(&text);
    return buf_ok(&text);
}

bool origin_is_https(struct str origin)
{
    return str_starts_with(origin, https);
}

bool origin_is_loopback(struct str origin)
{
    struct str host = str_slice(origin, origin_is_https(origin) ? https.len : http.len,
                                origin.len);
    int64_t port;

    return split_port(&host, &port)
           && (str_equal_c(host, "localhost") || str_ends_with(host, STR(".localhost"))
               || str_equal_c(host, "127.0.0.1") || str_equal_c(host, "[::1]"));
}
