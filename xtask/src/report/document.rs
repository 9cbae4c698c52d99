//! All tables and figures as one LaTeX document that plain pdflatex sets: `latex/main.tex`, with the figures drawn in TikZ.

use std::fmt::Write;
use std::path::Path;

use crate::console;
use crate::error::Error;
use crate::hash;
use crate::output::OutputFolder;
use crate::parts::Part;
use crate::report::latex::escape;
use crate::report::manifest::{Manifest, PartRecord, TableRecord, figure_id};
use crate::report::tikz::{self, Drawing};

/// The folder of the document in the output folder.
const FOLDER: &str = "latex";
/// Lines of a table's file up to which it is set; on one page more could not be read.
const LONGEST: usize = 120;
/// How a figure's file begins; by it a figure that is not made any more is known as ours.
const HEAD: &str = "% Drawn from ";

const PREAMBLE: &str = r"% All tables and figures of the run. Set it here, twice for the contents: pdflatex main.tex
% It reads ../tables; where it is uploaded, put tables beside it. Needs booktabs and TikZ, which every TeX distribution has.
\documentclass[a4paper]{article}
\usepackage[margin=2.2cm]{geometry}
\usepackage{fix-cm}
\usepackage{booktabs}
\usepackage{tikz}
\makeatletter
\def\input@path{{./}{../}}
\makeatother
% A table that is wider or higher than the page is made smaller.
\newsavebox{\fitted}
\let\plaintabular\tabular
\let\endplaintabular\endtabular
\renewenvironment{tabular}[1]{\begin{lrbox}{\fitted}\plaintabular{#1}}{\endplaintabular\end{lrbox}%
  \ifdim\wd\fitted>\linewidth\sbox{\fitted}{\resizebox{\linewidth}{!}{\usebox{\fitted}}}\fi
  \ifdim\dimexpr\ht\fitted+\dp\fitted\relax>0.7\textheight
    \sbox{\fitted}{\resizebox*{!}{0.7\textheight}{\usebox{\fitted}}}\fi
  \usebox{\fitted}}
\setlength{\parindent}{0pt}
\begin{document}
\tableofcontents
";

/// Writes the document. Figures that no part makes any more are removed from its folder; files that somebody has removed are left
/// out until their part is made again.
pub(crate) fn write(out: &OutputFolder, manifest: &Manifest, parts: &[Part]) -> Result<(), Error> {
    let mut main = PREAMBLE.to_owned();
    let mut figures = Vec::new();
    for part in parts {
        let Some(record) = manifest.parts.get(part.id).filter(|record| !record.files.is_empty()) else {
            continue;
        };
        section(&mut main, part, record, out.path());
        for file in &record.figures {
            let path = out.path().join(file);
            if !path.is_file() {
                continue;
            }
            let svg = std::fs::read(&path).map_err(Error::io("read", &path))?;
            let id = figure_id(file);
            let drawing = match tikz::from_svg(id, &String::from_utf8_lossy(&svg)) {
                Ok(drawing) => drawing,
                // Somebody has changed it since it was made.
                Err(error) if record.files.get(file) != Some(&hash::of_bytes(&svg)) => {
                    console::notice(format!(
                        "{file} is not as it was made and is left out of the LaTeX document: {error}"
                    ));
                    continue;
                }
                Err(error) => return Err(error),
            };
            float(&mut main, id, &drawing);
            let name = format!("{id}.tex");
            out.write(
                Path::new(FOLDER).join("figures").join(&name),
                format!("{HEAD}{file}. Needs TikZ.\n{}", drawing.picture).as_bytes(),
            )?;
            figures.push(name);
        }
    }
    main.push_str("\\end{document}\n");
    out.write(Path::new(FOLDER).join("main.tex"), main.as_bytes())?;
    remove_others(&out.path().join(FOLDER).join("figures"), &figures)
}

fn section(main: &mut String, part: &Part, record: &PartRecord, out: &Path) {
    let _ = writeln!(main, "\n\\clearpage\n\\section*{{{}. {}}}", part.id, escape(part.title));
    let _ = writeln!(main, "\\addcontentsline{{toc}}{{section}}{{{}. {}}}", part.id, escape(part.title));
    for TableRecord { id, title, .. } in &record.tables {
        let Ok(text) = std::fs::read_to_string(out.join(format!("tables/{id}.tex"))) else { continue };
        let _ = match text.lines().count() {
            lines if lines <= LONGEST => writeln!(main, "\\input{{tables/{id}}}\n\\clearpage"),
            _ => writeln!(
                main,
                "\\emph{{{}}} is too long for a page: tables/{id}.csv has it.\n\\clearpage",
                escape(title)
            ),
        };
    }
}

fn float(main: &mut String, id: &str, drawing: &Drawing) {
    let _ = writeln!(
        main,
        "\\begin{{figure}}[htbp]\n  \\centering\n  \\input{{figures/{id}}}\n  \\caption{{{}. {}}}\n  \\label{{fig:{id}}}\n\\end{{figure}}\n\\clearpage",
        escape(&drawing.title),
        escape(&drawing.description)
    );
}

fn remove_others(folder: &Path, figures: &[String]) -> Result<(), Error> {
    if !folder.is_dir() {
        return Ok(());
    }
    for entry in std::fs::read_dir(folder).map_err(Error::io("read", folder))? {
        let path = entry.map_err(Error::io("read", folder))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let ours = || std::fs::read_to_string(&path).is_ok_and(|text| text.starts_with(HEAD));
        if !figures.contains(&name) && ours() {
            std::fs::remove_file(&path).map_err(Error::io("remove", &path))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parts::Made;

    #[test]
    fn a_figure_that_somebody_has_changed_beyond_drawing_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let out = OutputFolder::open(folder.path()).unwrap();
        let make = Box::new(|_: &crate::parts::Inputs| Ok(Made::default()));
        let part = Part { id: "A1", title: "a part", needs: &[], uses: &[], code: "", make };
        let mut manifest = Manifest::default();
        let spoiled = "<svg><unknown".to_owned();
        out.write("figures/A1.svg", spoiled.as_bytes()).unwrap();
        let mut record = PartRecord::of(&part);
        record.figures = vec!["figures/A1.svg".to_owned()];
        record.files = [("figures/A1.svg".to_owned(), hash::of_bytes(b"as made"))].into();
        manifest.parts.insert("A1".to_owned(), record);
        write(&out, &manifest, std::slice::from_ref(&part)).unwrap();
        let main = std::fs::read_to_string(folder.path().join("latex/main.tex")).unwrap();
        assert!(main.contains("A1. a part") && !main.contains("figures/A1"), "{main}");
        // What the project itself has made must be drawn.
        let record = manifest.parts.get_mut("A1").unwrap();
        record.files = [("figures/A1.svg".to_owned(), hash::of_bytes(spoiled.as_bytes()))].into();
        assert!(matches!(write(&out, &manifest, &[part]), Err(Error::Figure { .. })));
    }
}
