# The files of R objects and of Stata 6, 7, 8 and 12 beside this one: Rscript make.R (R 4.2, package foreign)
library(foreign)
small <- data.frame(
  whole = c(530560L, NA, -3L), number = c(7.163389, NA, -1e-300), country = c("Argentina", "C\xf4te, d'Ivoire", "x")
)
for (version in c(6L, 7L, 12L)) write.dta(small, sprintf("stata%d.dta", version), version = version)

sample <- data.frame(
  trade = c(7.163389, 0, NA), lypex = 26.26919, lypim = 24.97526, lyex = 17.81187, lyim = 10.15436, ldist = 8.408561,
  border = 0L, comlang = c(0L, 1L, 0L), colony = 0L, landl_ex = 0L, landl_im = 1L, lremot_ex = 8.5, lremot_im = 8.7,
  comfrt_wto = 0L, open_wto = 1L, ex_feenstra = 530560L, im_feenstra = 443640L
)
write.dta(sample, "Log of Gravity.dta", version = 8L)

agtpa_applications <- data.frame(
  exporter = factor(c("ARG", "AUS", NA)), importer = c("AUS", NA, "ARG"), pair_id = c(1L, NA, 12339L),
  year = c(1986, 1990, 1994), trade = c(27.7648739067614, NA, 0.1), dist = 12044.5741337353, cntg = 0L, lang = 0L,
  clny = 0L, rta = c(TRUE, FALSE, NA)
)
other <- list(1, "of no interest", NULL)
for (compress in c("gzip", "bzip2", "xz")) {
  save(other, agtpa_applications, file = sprintf("%s.rda", compress), compress = compress, version = 2)
}
save(agtpa_applications, file = "plain.rda", compress = FALSE, version = 3)
