"""The same people through Splink 4: an ordinary model, trained without labels. Prints one line of JSON; the partition goes to a CSV.

python splink_link.py PEOPLE.csv OUT.csv KIND   (KIND: japanese | western)
"""
import json
import resource
import sys
import time

import pandas as pd
import splink.comparison_library as cl
from splink import DuckDBAPI, Linker, SettingsCreator, block_on

source, out, kind = sys.argv[1:4]
people = pd.read_csv(source, dtype=str, keep_default_na=False).replace("", None)
people.columns = [c.strip() for c in people.columns]


def processor():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


# From here on, as ours is measured: both have read the file and loaded their libraries.
started, processor_started = time.time(), processor()

if kind == "japanese":
    # What anybody would do first: width and spaces folded, digits alone of dates and telephones.
    for column in ("name", "kana", "address"):
        people[column] = people[column].str.normalize("NFKC").str.replace(r"\s+", "", regex=True)
    for column in ("birth_date", "phone"):
        people[column] = people[column].str.normalize("NFKC").str.replace(r"\D", "", regex=True)
    people["email"] = people["email"].str.lower()
    comparisons = [
        cl.JaroWinklerAtThresholds("name", [0.9]).configure(term_frequency_adjustments=True),
        cl.JaroWinklerAtThresholds("kana", [0.9]).configure(term_frequency_adjustments=True),
        cl.LevenshteinAtThresholds("birth_date", [1]),
        cl.LevenshteinAtThresholds("phone", [1]).configure(term_frequency_adjustments=True),
        cl.JaroWinklerAtThresholds("address", [0.95, 0.88]).configure(term_frequency_adjustments=True),
        cl.ExactMatch("email").configure(term_frequency_adjustments=True),
    ]
    rules = [("name", "birth_date"), ("kana", "birth_date"), ("phone",), ("email",), ("name", "address"), ("kana", "address")]
    certain = [("name", "birth_date"), ("email",)]
    training = [("name", "birth_date"), ("phone",)]
else:
    columns = [c for c in people.columns if c not in ("id", "truth")]
    comparisons = []
    for c in columns:
        if "dob" in c or "birth" in c and "place" not in c:
            comparisons.append(cl.LevenshteinAtThresholds(c, [1, 2]))
        elif "email" in c or "postcode" in c or "soc" in c or "gender" in c:
            comparisons.append(cl.ExactMatch(c).configure(term_frequency_adjustments=True))
        else:
            comparisons.append(cl.JaroWinklerAtThresholds(c, [0.92, 0.8]).configure(term_frequency_adjustments=True))
    names = [c for c in columns if "name" in c]
    birth = [c for c in columns if "dob" in c or "date_of_birth" in c]
    others = [c for c in columns if c not in names and c not in birth and c != "gender"]
    rules = [(n, *birth) for n in names] + [tuple(names[:2])] + [(o, *birth) for o in others] + [(names[-1], o) for o in others]
    certain = [(*names[:2], *birth)]
    training = [tuple(names[:2]), tuple(birth)]

settings = SettingsCreator(
    link_type="dedupe_only",
    unique_id_column_name="id",
    comparisons=comparisons,
    blocking_rules_to_generate_predictions=[block_on(*r) for r in rules],
    retain_intermediate_calculation_columns=False,
    retain_matching_columns=False,
)
linker = Linker(people.drop(columns=["truth"], errors="ignore"), settings, db_api=DuckDBAPI())
linker.training.estimate_probability_two_random_records_match([block_on(*r) for r in certain], recall=0.7)
linker.training.estimate_u_using_random_sampling(max_pairs=1e6, seed=1)
for rule in training:
    linker.training.estimate_parameters_using_expectation_maximisation(block_on(*rule))
pairs = linker.inference.predict(threshold_match_probability=0.5)
clusters = linker.clustering.cluster_pairwise_predictions_at_threshold(pairs, threshold_match_probability=0.5).as_pandas_dataframe()
seconds, cpu_seconds = time.time() - started, processor() - processor_started
clusters[["id", "cluster_id"]].to_csv(out, index=False)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"seconds": round(seconds, 1), "cpu_seconds": round(cpu_seconds, 1), "peak_mib": round(peak)}))
