module example.org/hello

go 1.26

require example.org/lib v1.2.3

replace example.org/lib => ./lib
