# A quantity against n: one line a method, gaps where a status is not ok. Variables come from above.
set terminal svg size 1200,800 dynamic font "DejaVu Sans,15" background "white"
set output name.".svg"
set title title noenhanced
set xlabel "keys n" noenhanced
set ylabel ylabel noenhanced
set logscale x 2
set format x "%.0f"
set format y yformat
set grid xtics ytics back lt 1 lc rgb "#dddddd"
set key outside right top Left reverse samplen 2 spacing 1.15 noenhanced
set xrange [xmin / 1.12 : xmax * 1.12]
if (ybase > 0) { set logscale y ybase; set yrange [*:*] } else { set yrange [-0.5:3.5] }
set rmargin margin
plot for [i=1:methods] name.".dat" index (i - 1) using 1:2:3:4 with yerrorlines \
         lc rgb colour[i] pt point[i] ps 0.9 lw 2 title label[i], \
     for [i=1:2] name.".dat" index (methods + i - 1) using 1:2 with lines dt i + 1 lw 1.5 lc rgb "#777777" title guide[i], \
     for [i=1:extra] name.".dat" index (methods + 2) using 1:4:2:3 with xerrorbars \
         pt 6 ps 2.2 lw 2 lc rgb "#222222" title "overtakes exact"
set terminal pngcairo size 1200,800 font "DejaVu Sans,12" background "white"
set output name.".png"
replot
