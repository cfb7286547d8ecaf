module plait-benchmarks

go 1.19
