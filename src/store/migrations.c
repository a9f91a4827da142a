#include "store/migrations.h"

/* Tables and columns are not listed here: tables.def says with which version they came. */
const struct migration store_migrations[] = {
    { 1, "merchants, keys, gateway accounts, invoices, payments and what belongs to them", NULL },
    { 0 },
};
