/* receipt_pdf.c - a receipt as one sheet of A4, by libharu: the only file that knows it.
 *
 * libharu has no errors of its own calls to look at here: the document remembers the first, does
 * nothing more, and is asked once at the end. Letters beyond Latin need a TrueType font; what is
 * embedded is only the letters that are used. */
#include <assert.h>
#include <hpdf.h>

#include "base/time.h"
#include "pages/checkout.h"
#include "pages/texts.h"

#define LEFT   56
#define WIDTH  483
#define TOP    780
#define BOTTOM 48
#define SMALL  10
#define NORMAL 12
#define LARGE  20

struct page_pen {
    HPDF_Doc pdf;
    HPDF_Page page;
    HPDF_Font font;
    HPDF_REAL y;
    enum language language;
};

static void put_line(struct page_pen *pen, struct str text, HPDF_REAL size, HPDF_REAL grey)
{
    char line[512];
    struct buf buf;

    if (str_is_empty(text) || pen->y - size < BOTTOM)
        return;
    HPDF_Page_SetFontAndSize(pen->page, pen->font, size);
    HPDF_Page_SetRGBFill(pen->page, grey, grey, grey);
    buf_fixed(&buf, line, sizeof line);
    buf_add(&buf, str_slice(text, 0, sizeof line - 1));
    HPDF_UINT fits = HPDF_Page_MeasureText(pen->page, buf_c(&buf), WIDTH, HPDF_FALSE, NULL);
    size_t end = 0;
    struct str whole = buf_str(&buf);
    for (size_t step; end < fits && (step = str_utf8_step(whole, end)) > 0 && end + step <= fits;)
        end += step;
    line[end] = '\0';
    pen->y -= size;
    HPDF_Page_BeginText(pen->page);
    HPDF_Page_TextOut(pen->page, LEFT, pen->y, line);
    HPDF_Page_EndText(pen->page);
    pen->y -= size * 0.5f;
}

static void put_row(struct page_pen *pen, struct str label, struct str value)
{
    if (str_is_empty(value))
        return;
    put_line(pen, label, SMALL, 0.35f);
    put_line(pen, value, NORMAL, 0);
    pen->y -= 4;
}

static void put_amount(struct page_pen *pen, struct str label, struct money amount)
{
    char text[96];
    struct buf buf;

    buf_fixed(&buf, text, sizeof text);
    text_write_amount(&buf, amount, pen->language);
    put_row(pen, label, buf_str(&buf));
}

static void put_time(struct page_pen *pen, enum text label, int64_t time_ms)
{
    char text[64];
    struct buf buf;

    buf_fixed(&buf, text, sizeof text);
    text_write_time(&buf, time_ms, pen->language);
    put_row(pen, text_of(label, pen->language), buf_str(&buf));
}

static void put_refunds(struct page_pen *pen, const struct checkout_page *page)
{
    const struct receipt *receipt = page->receipt;
    char text[160];
    struct buf buf;

    for (size_t i = 0; i < receipt->refund_count; i++) {
        buf_fixed(&buf, text, sizeof text);
        buf_add(&buf, text_of(TEXT_REFUND, pen->language));
        buf_add_c(&buf, ", ");
        text_write_time(&buf, receipt->refunds[i].at_ms, pen->language);
        put_amount(pen, buf_str(&buf), receipt->refunds[i].amount);
    }
    if (receipt->refund_count > 0)
        put_amount(pen, text_of(TEXT_LEFT, pen->language),
                   (struct money){ receipt->captured_minor - receipt->refunded_minor,
                                   page->amount.currency });
}

static void put_receipt(struct page_pen *pen, const struct checkout_page *page)
{
    const struct receipt *receipt = page->receipt;
    char card[32];
    struct buf buf;

    if (!page->live)
        put_line(pen, text_of(TEXT_TEST, pen->language), NORMAL, 0);
    put_line(pen, page->merchant, NORMAL, 0.35f);
    if (!str_equal(page->shop, page->merchant))
        put_line(pen, page->shop, NORMAL, 0.35f);
    pen->y -= 12;
    put_line(pen, text_of(TEXT_RECEIPT, pen->language), LARGE, 0);
    put_line(pen, page->description, NORMAL, 0);
    pen->y -= 12;
    put_row(pen, text_of(TEXT_RECEIPT_NUMBER, pen->language), receipt->number);
    put_time(pen, TEXT_PAID_AT, receipt->paid_ms);
    put_amount(pen, text_of(TEXT_TAKEN, pen->language),
               (struct money){ receipt->captured_minor, page->amount.currency });
    put_refunds(pen, page);
    buf_fixed(&buf, card, sizeof card);
    if (!str_is_empty(page->card_last4))
        buf_addf(&buf, "\xe2\x80\xa2\xe2\x80\xa2\xe2\x80\xa2\xe2\x80\xa2 %.*s",
                 STR_ARG(page->card_last4));
    put_row(pen, text_of(TEXT_CARD, pen->language), buf_str(&buf));
    put_row(pen, text_of(TEXT_ORDER, pen->language), receipt->reference);
    put_row(pen, text_of(TEXT_REFERENCE, pen->language), page->reference);
}

/* The moment of the payment and not of the printing: the same receipt is the same file. */
static void put_date(struct page_pen *pen, int64_t time_ms)
{
    struct time_parts at = time_split(time_ms);
    HPDF_Date date = { at.year, at.month, at.day, at.hour, at.minute, at.second, 'Z', 0, 0 };

    HPDF_SetInfoDateAttr(pen->pdf, HPDF_INFO_CREATION_DATE, date);
}

static enum err write_out(HPDF_Doc pdf, struct buf *out)
{
    if (HPDF_SaveToStream(pdf) != HPDF_OK)
        return ERR_IO;
    HPDF_UINT32 size = HPDF_GetStreamSize(pdf);
    char *room = buf_reserve(out, size);
    HPDF_STATUS status = room ? HPDF_ReadFromStream(pdf, (HPDF_BYTE *)room, &size) : HPDF_OK;
    if (!room || (status != HPDF_OK && status != HPDF_STREAM_EOF))
        return ERR_IO;
    out->len += size;
    return OK;
}

enum err receipt_write_pdf(struct buf *out, const struct checkout_page *page,
                           const char *font_path)
{
    struct page_pen pen = { .pdf = HPDF_New(NULL, NULL), .y = TOP };

    assert(page->receipt);
    if (!pen.pdf)
        return ERR_IO;
    pen.language = language_of(page->language);
    HPDF_SetCompressionMode(pen.pdf, HPDF_COMP_ALL);
    HPDF_UseUTFEncodings(pen.pdf);
    HPDF_SetCurrentEncoder(pen.pdf, "UTF-8");
    const char *name = HPDF_LoadTTFontFromFile(pen.pdf, font_path, HPDF_TRUE);
    pen.font = name ? HPDF_GetFont(pen.pdf, name, "UTF-8") : NULL;
    pen.page = pen.font ? HPDF_AddPage(pen.pdf) : NULL;
    enum err err = pen.page ? OK : ERR_IO;
    if (!err) {
        HPDF_Page_SetSize(pen.page, HPDF_PAGE_SIZE_A4, HPDF_PAGE_PORTRAIT);
        put_date(&pen, page->receipt->paid_ms);
        put_receipt(&pen, page);
        err = HPDF_GetError(pen.pdf) == HPDF_OK ? write_out(pen.pdf, out) : ERR_IO;
    }
    HPDF_Free(pen.pdf);
    return err;
}
