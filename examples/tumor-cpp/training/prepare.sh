#!/bin/sh
# Run by `mifeng pack` in the project's folder: compiles the trainer against the model's own function and runs it.
set -eu
pack=${MIFENG_PACK:?is set by mifeng pack}
mkdir -p build
g++ -std=c++20 -O2 -I"$pack/include" -Iinclude training/train.cpp src/tumor.cpp -o build/train -lxgboost
./build/train
