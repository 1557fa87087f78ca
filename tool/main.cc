// The `slipstream` program.
#include "tool/commands.h"

int main(int argc, char** argv) { return slipstream::RunSlipstream(argc, argv); }
