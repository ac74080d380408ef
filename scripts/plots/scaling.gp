# A quantity against n: one line a method, gaps where a status is not ok. Variables come from above.
set terminal svg size 1200,800 dynamic font "DejaVu Sans,15" background "white"
set output name.".svg"
set title title noenhanced
set xlabel "keys n" noenhanced
set ylabel ylabel noenhanced
set logscale xy 2
set logscale y ybase
set format x "%.0f"
set format y yformat
set grid xtics ytics back lt 1 lc rgb "#dddddd"
set key outside right top Left reverse samplen 2 spacing 1.15 noenhanced
set xrange [xmin / 1.12 : xmax * 1.12]
set yrange [*:*]
set rmargin margin
plot for [i=1:methods] name.".dat" index (i - 1) using 1:2:3:4 with yerrorlines \
         lc rgb colour[i] pt point[i] ps 0.9 lw 2 title label[i], \
     for [i=1:2] name.".dat" index (methods + i - 1) using 1:2 with lines dt i + 1 lw 1.5 lc rgb "#777777" title guide[i]
set terminal pngcairo size 1200,800 font "DejaVu Sans,12" background "white"
set output name.".png"
replot
