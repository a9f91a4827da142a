/* main.c - the front door. */

int main(void)
{
    return 0;
}
