# Error against time at one length: a line joins the settings of a method; the Pareto front is ringed.
# Variables come from above.
set terminal svg size 1200,800 dynamic font "DejaVu Sans,15" background "white"
set output name.".svg"
set title title noenhanced
set xlabel "seconds a call (median, 95 % interval)" noenhanced
set ylabel "relative error against exact attention" noenhanced
set logscale xy 10
set format x "10^{%L}"
set format y "10^{%L}"
set grid xtics ytics back lt 1 lc rgb "#dddddd"
set key outside right top Left reverse samplen 1 spacing 1.15 noenhanced
set offsets graph 0.04, graph 0.04, graph 0.04, graph 0.04
set rmargin margin
plot name.".dat" index (methods + 2) using 1:2 with steps dt 2 lw 2 lc rgb "#444444" title "Pareto front", \
     name.".dat" index (methods + 2) using 1:2 with points pt 6 ps 2.8 lw 2 lc rgb "#444444" notitle, \
     for [i=1:methods] name.".dat" index (i - 1) using 1:4:2:3 with xerrorlines \
         lc rgb colour[i] pt point[i] ps 1.6 lw 2 title label[i], \
     for [i=1:2] name.".dat" index (methods + i - 1) using 1:2 with lines dt i + 1 lw 1.5 lc rgb "#777777" title guide[i]
set terminal pngcairo size 1200,800 font "DejaVu Sans,12" background "white"
set output name.".png"
replot
