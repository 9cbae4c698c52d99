//! Files that must be refused, and what the message must say.

pub(super) const CRITICAL: &str = "[critical]\nsectors = \"Rare earths\"\nsigma = 0.2\n";
pub(super) const QUOTA: &str = "[[quota]]\nexporter = \"CHN\"\nsector = \"Rare earths\"\n";

pub(super) const DYNAMIC: &str =
    "mode = \"dynamic\"\nyears = [2010, 2018]\n[[quota]]\nexporter = \"CHN\"\nsector = \"Rare earths\"\n";

/// The file, and what its refusal must say.
pub(super) const MALFORMED: &[(&str, &[&str])] = &[
    ("title = \"x\"\n[[tariff\n", &["line 2", "not TOML"]),
    ("title = 3\ndeficits = \"zero\"", &["line 1", "`title` is of type integer", "text in quotes"]),
    ("\n[[tarif]]\n", &["line 2", "`tarif`", "did you mean `tariff`?"]),
    ("deficits = { USA = nan, CHN = 1.0 }", &["line 1", "`deficits.USA`", "NaN", "a finite number"]),
    ("deficits = { USA = inf, CHN = -inf }", &["line 1", "`deficits.", "a finite number"]),
    (
        "mode = \"dynamic\"\nyears = [-9000000000000000000, 9000000000000000000]\n",
        &["line 2", "`years` runs from -9000000000000000000"],
    ),
    ("[[embargo]]\n", &["line 1", "`embargo`", "known are", "`iceberg`"]),
    ("[tariff]\nimporter = \"USA\"", &["line 1", "[[tariff]] with double brackets"]),
    ("tariff = [1]", &["line 1", "[[tariff]] with double brackets"]),
    (
        "[[tariff]]\nimporter = \"USA\"\nexporter = \"CHN\"\nsectors = \"all\"\nadd = 0.1",
        &["line 4", "no key `sectors`", "did you mean `sector`?"],
    ),
    (
        "[[tariff]]\nimporter = \"USA\"\nsector = \"all\"\nadd = 0.1",
        &["line 1", "lacks `exporter`", "exporter = \"all\""],
    ),
    (
        "[[tariff]]\nimporter = \"USA\"\nexporter = \"CHN\"\nsector = \"all\"",
        &["line 1", "gives 0 of", "exactly one"],
    ),
    (
        "[[tariff]]\nimporter = \"USA\"\nexporter = \"CHN\"\nsector = \"all\"\nadd = 0.1\nrate = 0.2",
        &["line 1", "gives 2 of"],
    ),
    (
        "[[tariff]]\nimporter = \"USA\"\nexporter = \"CHN\"\nsector = \"all\"\nadd = \"10%\"",
        &["line 5", "`add` is of type string", "must be a number"],
    ),
    (
        "[[tariff]]\nimporter = \"USA\"\nexporter = \"CHN\"\nsector = \"all\"\nadd = 0x1f",
        &["line 5", "must be a number"],
    ),
    (
        "[[tariff]]\nimporter = \"USB\"\nexporter = \"CHN\"\nsector = \"all\"\nadd = 0.1",
        &["line 2", "no country `USB`", "did you mean `USA`?"],
    ),
    (
        "[[tariff]]\nimporter = \"USA\"\nexporter = [\"CHN\",\n  \"Mars\"]\nsector = \"all\"\nadd = 0.1",
        &["line 4", "no country `Mars`", "it has `CHN`, `JPN`, `USA`"],
    ),
    (
        "[[tariff]]\nimporter = \"USA\"\nexporter = \"CHN\"\nsector = \"machines\"\nadd = 0.1",
        &["line 4", "no sector `machines`", "did you mean `Machinery`?"],
    ),
    (
        "[[endowment]]\ncountry = \"USA\"\nfactor = \"labor\"\nhat = 1.1",
        &["line 3", "no factor `labor`", "did you mean `labour`?"],
    ),
    (
        "[[tariff]]\nimporter = []\nexporter = \"CHN\"\nsector = \"all\"\nadd = 0.1",
        &["line 2", "`importer` selects nothing"],
    ),
    (
        "[[tariff]]\nimporter = { all-but = [\"CHN\", \"JPN\", \"USA\"] }\nexporter = \"CHN\"\nsector = \"all\"\nadd = 0.1",
        &["line 2", "`importer` selects nothing"],
    ),
    (
        "[[tariff]]\nimporter = { except = [\"CHN\"] }\nexporter = \"CHN\"\nsector = \"all\"\nadd = 0.1",
        &["line 2", "`importer` is of type table", "all-but"],
    ),
    (
        "[[tariff]]\nimporter = 7\nexporter = \"CHN\"\nsector = \"all\"\nadd = 0.1",
        &["line 2", "`importer` is of type integer", "a label in quotes"],
    ),
    (
        "[[iceberg]]\nimporter = \"USA\"\nexporter = \"USA\"\nsector = \"all\"\nhat = 1.1",
        &["line 1", "USA's purchases from itself"],
    ),
    (
        "[[tariff]]\nimporter = [\"USA\", \"JPN\"]\nexporter = [\"JPN\", \"CHN\"]\nsector = \"all\"\nadd = 0.1",
        &["line 1", "JPN's purchases from itself"],
    ),
    (
        "[[tariff]]\nimporter = \"USA\"\nexporter = \"CHN\"\nsector = \"all\"\nadd = -1.2",
        &["line 5", "from CHN to USA in `Machinery`", "above -1"],
    ),
    (
        "[[tariff]]\nimporter = \"USA\"\nexporter = \"CHN\"\nsector = \"all\"\nrate = nan",
        &["line 5", "would be NaN", "finite"],
    ),
    (
        "[[tariff]]\nimporter = \"USA\"\nexporter = \"CHN\"\nsector = \"all\"\nrate = 25",
        &["line 5", "25 means 2500 percent", "divide by 100"],
    ),
    (
        "[[iceberg]]\nimporter = \"USA\"\nexporter = \"CHN\"\nsector = \"all\"\nhat = 0",
        &["line 5", "`hat` is 0", "`inf` stops the flow"],
    ),
    (
        "[[productivity]]\ncountry = \"USA\"\nsector = \"all\"\nhat = inf",
        &["line 4", "`hat` is inf", "positive and finite"],
    ),
    (
        "[[preference]]\ncountry = \"USA\"\nsector = \"all\"\nhat = -1",
        &["line 4", "`hat` is -1", "not negative"],
    ),
    ("deficits = \"balanced\"", &["line 1", "no deficit rule `balanced`", "`zero`"]),
    ("deficits = \"zeros\"", &["line 1", "did you mean `zero`?"]),
    ("deficits = 0", &["line 1", "`deficits` is of type integer", "a rule in quotes"]),
    ("deficits = { USA = 3.5 }", &["line 1", "sum to 3.5", "USD", "the other countries' too"]),
    ("deficits = { USB = 3.5 }", &["line 1", "no country `USB`"]),
    ("", &["changes nothing"]),
    ("deficits = \"fixed\"", &["changes nothing"]),
];

/// What a scenario with critical inputs may get wrong, with the file's first lines and what its refusal must say.
pub(super) const REFUSED: &[(&str, &str, &[&str])] = &[
    (
        "",
        "[[quota]]\nexporter = \"Atlantis\"\nsector = \"Rare earths\"\nvolume = 0.6",
        &["line 2", "no country `Atlantis`", "`JPN`"],
    ),
    (
        "",
        "[[quota]]\nexporter = \"CHN\"\nsector = \"Rare earth\"\nvolume = 0.6",
        &["line 3", "did you mean `Rare earths`?"],
    ),
    (QUOTA, "volume = 1.2", &["line 4", "120 percent", "a cut to 60 percent is 0.6", "above_baseline"]),
    (QUOTA, "volume = 60", &["line 4", "6000 percent"]),
    (QUOTA, "volume = -0.1", &["line 4", "`volume` is -0.1", "not negative"]),
    (QUOTA, "volume = nan", &["line 4", "`volume` is NaN"]),
    (QUOTA, "", &["line 1", "[[quota]] lacks `volume`", "volume = 0.6"]),
    (QUOTA, "volume = 0.6\nrent_share = 1.5", &["line 5", "`rent_share` is 1.5", "from 0 to 1"]),
    (QUOTA, "volume = 0.6\nrents = 1", &["line 5", "no key `rents`", "did you mean `rent_share`?"]),
    (QUOTA, "volume = 0.6\nimporter = \"CHN\"", &["line 1", "CHN's purchases from itself"]),
    (
        QUOTA,
        "volume = 0.6\n[[quota]]\nexporter = \"CHN\"\nsector = \"Rare earths\"\nvolume = 0.5",
        &["line 5", "`Rare earths` from CHN", "the long run", "line 1"],
    ),
    (QUOTA, "volume = { 2010 = 0.6 }", &["line 4", "speaks of years", "mode = \"dynamic\""]),
    (QUOTA, "volume = 0.6\nfrom = 2011", &["line 5", "`from` speaks of years"]),
    (QUOTA, "volume = {}", &["line 4", "`volume` selects nothing"]),
    ("mode = \"dynamic\"\n", "[[quota]]", &["line 1", "needs its years", "years = [2010, 2018]"]),
    ("mode = \"yearly\"\n", "", &["line 1", "`mode` is `yearly`", "known are `long-run`, `dynamic`"]),
    ("years = [2010, 2012]\n", "", &["line 1", "`years` speaks of years", "drop it"]),
    (
        "mode = \"dynamic\"\nyears = [2018, 2010]\n",
        "",
        &["line 2", "from 2018 to 2010", "first year comes first"],
    ),
    ("mode = \"dynamic\"\nyears = [2010]\n", "", &["line 2", "a list [first, last]"]),
    (
        DYNAMIC,
        "volume = { 2010 = 0.6, 2013 = 0.5 }",
        &["line 6", "no value for 2011, 2012", "give each year"],
    ),
    (DYNAMIC, "volume = { 2009 = 0.6 }", &["line 6", "2009 is not among", "2010 to 2018"]),
    (DYNAMIC, "volume = { soon = 0.6, 2010 = 0.5 }", &["line 6", "its keys are years"]),
    (DYNAMIC, "volume = { 2010 = 0.6, 2011 = 1.5 }", &["line 6", "150 percent"]),
    (DYNAMIC, "volume = { 2010 = 0.6 }\nuntil = 2012", &["line 7", "drop `until`"]),
    (DYNAMIC, "volume = 0.6\nfrom = 2014\nuntil = 2012", &["line 7", "from 2014 to 2012"]),
    (
        DYNAMIC,
        "volume = 0.6\nuntil = 2012\n[[quota]]\nexporter = \"CHN\"\nsector = \"Rare earths\"\nvolume = 0.5\nfrom = 2012",
        &["line 8", "in 2012", "line 3"],
    ),
    (
        "[critical]\nsectors = \"Rare earths\"\n",
        "sigma = -0.2",
        &["line 3", "`sigma` is -0.2", "not negative"],
    ),
    (
        "[critical]\nsectors = \"Rare earths\"\n",
        "sigma = { Machinery = 0.2 }",
        &["line 3", "`sigma` lacks `Services`", "or `other`"],
    ),
    (
        "[critical]\nsectors = \"Rare earths\"\n",
        "sigma = { Machines = 0.2 }",
        &["line 3", "no sector `Machines`", "did you mean `Machinery`?"],
    ),
    ("[critical]\nsectors = \"Lithium\"\n", "sigma = 0.2", &["line 2", "no sector `Lithium`", "it has"]),
    (
        "[critical]\nsectors = [\"Rare earths\", \"Machinery\"]\n",
        "sigma = 0.2",
        &["line 1", "lacks `element_sigma`", "element_sigma = 0.5"],
    ),
    ("[critical]\nsectors = \"Rare earths\"\n", "", &["line 1", "section [critical] lacks `sigma`"]),
    ("[[critical]]\nsectors = \"Rare earths\"\n", "sigma = 0.2", &["line 1", "one table", "single brackets"]),
    (
        "[critical]\nsectors = \"Rare earths\"\n",
        "sigma = { value = 0.2, sd = -1 }",
        &["line 3", "standard deviation", "zero or more"],
    ),
    (
        "[critical]\nsectors = \"Rare earths\"\n",
        "sigma = { value = 0.2, uniform = [0.3, 0.4] }",
        &["line 3", "around a value of 0.2", "holds the value"],
    ),
    (
        "[critical]\nsectors = \"Rare earths\"\n",
        "sigma = { value = 0.2, lognormal = [0, 0.4] }",
        &["line 3", "log-normal from zero"],
    ),
    (
        "[critical]\nsectors = \"Rare earths\"\n",
        "sigma = { value = 0.2, sd = 0.1, uniform = [0, 1] }",
        &["line 3", "given twice", "give one of"],
    ),
    (
        "[critical]\nsectors = \"Rare earths\"\n",
        "sigma = { value = 0.2, error = 0.1 }",
        &["line 3", "no key `error`"],
    ),
    (
        "[critical]\nsectors = \"Rare earths\"\n",
        "sigma = { sd = 0.1, value2 = 1 }",
        &["line 3", "no sector `sd`"],
    ),
    (
        "[critical]\nsectors = \"Rare earths\"\n",
        "sigma = \"theirs\"",
        &["line 3", "no estimates `theirs`", "`ours`"],
    ),
    (
        "[critical]\nsectors = \"Rare earths\"\n",
        "sigma = \"ours:eta\"",
        &["line 3", "have no `eta`", "`sigma`"],
    ),
    (CRITICAL, "[technology]\nclosure = \"free entry\"", &["line 5", "did you mean `free-entry`?"]),
    (CRITICAL, "[technology]\nlambda = 0.5", &["line 4", "lacks `closure`"]),
    (CRITICAL, "[technology]\nclosure = \"free-entry\"\nphi = -1", &["line 6", "`phi` is -1"]),
    (
        CRITICAL,
        "[technology]\nclosure = \"free-entry\"\ndiffusion = \"local\"",
        &["line 6", "`diffusion` is `local`", "did you mean `global`?"],
    ),
    (
        CRITICAL,
        "[technology]\nclosure = \"free-entry\"\ndiffusion = { blocs = [[\"CHN\"], [\"CHN\", \"JPN\"]] }",
        &["line 6", "CHN is in two blocs"],
    ),
    (
        CRITICAL,
        "[technology]\nclosure = \"free-entry\"\ndiffusion = { matrix = [[1, 0, 0]] }",
        &["line 6", "1 rows for 3 countries"],
    ),
    (
        CRITICAL,
        "[technology]\nclosure = \"free-entry\"\ndiffusion = { matrix = [[1, 0, 0], [0.5, 0.6, 0], [0, 0, 1]] }",
        &["line 6", "weights of JPN sum to 1.1"],
    ),
    (
        CRITICAL,
        "[technology]\nclosure = \"free-entry\"\npaid_in = \"labor\"",
        &["line 6", "did you mean `labour`?"],
    ),
    (
        "",
        "[technology]\nclosure = \"free-entry\"",
        &["line 1", "technology that moves needs a critical input", "[critical]"],
    ),
    ("", "[[recycling]]\ncountry = \"JPN\"\nshare = 0.1", &["line 1", "recycling needs a critical input"]),
    (CRITICAL, "[[recycling]]\ncountry = \"JPN\"\nshare = 1", &["line 6", "`share` is 1", "below 1"]),
    (
        "",
        "[[licence]]\nexporter = \"CHN\"\nsector = \"Rare earths\"\nwedge = 0.2",
        &["line 4", "`wedge` is 0.2", "1.2 is a fee of 20 percent"],
    ),
    (
        "",
        "[[capacity]]\ncountry = \"JPN\"\nsector = \"Rare earths\"\nhat = 2",
        &["line 1", "JPN makes no `Rare earths`", "[[prospect]]"],
    ),
    (
        "",
        "[[capacity]]\ncountry = \"CHN\"\nsector = \"Machinery\"\nhat = 2",
        &["line 1", "no factor of its own"],
    ),
    (
        "",
        "[[capacity]]\ncountry = \"CHN\"\nsector = \"Rare earths\"",
        &["line 1", "is `none`", "give one of them"],
    ),
    (
        "",
        "[[capacity]]\ncountry = \"CHN\"\nsector = \"Rare earths\"\nhat = 2\nlag = 3",
        &["line 1", "lacks `decided`"],
    ),
    (
        "",
        "[[prospect]]\ncountry = \"CHN\"\nsector = \"Rare earths\"\nlike = \"CHN\"",
        &["line 1", "CHN makes `Rare earths` in the baseline already"],
    ),
    (
        "",
        "[[prospect]]\ncountry = \"USA\"\nsector = \"Rare earths\"\nlike = \"JPN\"",
        &["line 4", "JPN makes no `Rare earths`"],
    ),
    ("[theta]\n", "\"Rare earths\" = 0", &["line 2", "`Rare earths` is 0", "positive"]),
    ("[theta]\n", "estimates = \"my\"", &["line 2", "no estimates `my`"]),
    ("theta = \"my\"\n", "", &["line 1", "no estimates `my`"]),
    ("theta = \"goods\"\n", "", &["line 1", "`goods` have no trade elasticity of `Services`", "`other = 8`"]),
    ("outputs = [\"country\"]\n", "", &["line 1", "did you mean `countries`?"]),
    ("draws = -1\n", "", &["line 1", "`draws` is -1", "zero or more"]),
    (CRITICAL, "", &["changes nothing", "[[quota]]"]),
];
