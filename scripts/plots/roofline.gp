# Speed against intensity, under the measured roofs. Variables come from above.
set terminal svg size 1200,800 dynamic font "DejaVu Sans,15" background "white"
set output name.".svg"
set title title noenhanced
set xlabel "flops a byte of compulsory traffic (larger marks: longer n)" noenhanced
set ylabel "GFLOP/s" noenhanced
set logscale xy 10
set format x "%g"
set format y "%g"
set xrange [xmin:xmax]
set yrange [ymin:ymax]
set grid xtics ytics back lt 1 lc rgb "#dddddd"
set key outside right top Left reverse samplen 2 spacing 1.15 noenhanced
set rmargin margin
set samples 2000
# A bandwidth ends at the highest peak; a peak begins where the fastest memory can feed it.
under(bandwidth, x) = bandwidth * x < top ? bandwidth * x : NaN
beyond(peak, x) = slopes == 0 || slope[1] * x > peak ? peak : NaN
# Marks grow with n.
size(n) = 0.9 + 1.3 * log(n / nmin) / log(2 * nmax / nmin)
plot for [i=1:ceilings] beyond(ceiling[i], x) with lines dt i lw 2.5 lc rgb "#222222" title ceiling_name[i], \
     for [i=1:slopes] under(slope[i], x) with lines dt i lw 2 lc rgb "#888888" title slope_name[i], \
     for [i=1:methods] name.".dat" index (i - 1) using 1:2:(size($3)) with linespoints \
         lc rgb colour[i] pt point[i] ps variable lw 1.2 title label[i]
set terminal pngcairo size 1200,800 font "DejaVu Sans,12" background "white"
set output name.".png"
replot
