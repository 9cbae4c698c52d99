# The small files of Stata 10 beside this one, in either byte order: python3 make.py (pandas 3)
import datetime

import numpy
import pandas

sample = pandas.DataFrame(
    {
        "v8": numpy.array([0, -127, 100], "int8"),
        "v16": numpy.array([32740, -32767, 0], "int16"),
        "v32": numpy.array([2147483620, -2147483647, 530560], "int32"),
        "single": numpy.array([7.163389, numpy.nan, 1.7e38], "float32"),
        "double_": numpy.array([0.1, numpy.nan, -8.9e307], "float64"),
        "text": ["ARG", "", "a, b"],
    }
)
stamp = datetime.datetime(2006, 11, 1)
for order in ["little", "big"]:
    sample.to_stata(f"stata10_{order}.dta", write_index=False, version=114, byteorder=order, time_stamp=stamp)
