//! Bars as SVG, for pages with a light or a dark background.

use std::fmt::Write;

use crate::peers::table::number;

/// Where bars begin, how long they may be, and how long a picture is, in pixels.
const BARS_LEFT: f64 = 220.0;
const BARS_WIDTH: f64 = 360.0;
const PICTURE_WIDTH: f64 = 720.0;
/// The height of a bar with the space to the next one, and of a panel's title.
const BAR_STEP: f64 = 24.0;
const BAR_HEIGHT: f64 = 16.0;
const TITLE_HEIGHT: f64 = 34.0;

/// Bars for one figure.
#[derive(Debug)]
pub(crate) struct Panel {
    /// What the bars show.
    pub(crate) title: String,
    /// The bars, from the top.
    pub(crate) bars: Vec<Bar>,
}

/// One bar.
#[derive(Debug)]
pub(crate) struct Bar {
    /// Whose value it is.
    pub(crate) name: String,
    /// Its length.
    pub(crate) value: f64,
    /// Whether it stands out from the others.
    pub(crate) is_own: bool,
}

/// A picture with one panel below the other. Text takes the colour that suits the background.
pub(crate) fn svg(title: &str, panels: &[Panel]) -> String {
    let bars: usize = panels.iter().map(|panel| panel.bars.len()).sum();
    let height = TITLE_HEIGHT * (panels.len() + 1) as f64 + BAR_STEP * bars as f64;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {PICTURE_WIDTH} {height}\" \
         width=\"{PICTURE_WIDTH}\" height=\"{height}\" role=\"img\">\n\
         <title>{0}</title>\n\
         <style>\n\
         svg {{ color: #1f2328; background: #fff; font: 13px system-ui, sans-serif; }}\n\
         text {{ fill: currentColor; }}\n\
         .title {{ font-weight: 600; }}\n\
         .own {{ fill: #b8501c; }}\n\
         .peer {{ fill: #7d8fa3; }}\n\
         @media (prefers-color-scheme: dark) {{\n\
         svg {{ color: #e6edf3; background: #0d1117; }}\n\
         .own {{ fill: #f0883e; }}\n\
         .peer {{ fill: #6e7f92; }}\n\
         }}\n\
         </style>\n\
         <text class=\"title\" x=\"0\" y=\"22\" font-size=\"13\">{0}</text>\n",
        escaped(title)
    );
    let mut top = TITLE_HEIGHT;
    for panel in panels {
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "<text class=\"title\" x=\"0\" y=\"{}\">{}</text>",
            top + 22.0,
            escaped(&panel.title)
        );
        top += TITLE_HEIGHT;
        let longest = panel.bars.iter().map(|bar| bar.value).fold(0.0, f64::max);
        for bar in &panel.bars {
            let share = if longest > 0.0 {
                bar.value / longest
            } else {
                0.0
            };
            let width = (share * BARS_WIDTH).max(1.0);
            let _ = writeln!(
                text,
                "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>\
                 <rect class=\"{}\" x=\"{BARS_LEFT}\" y=\"{}\" width=\"{width:.1}\" \
                 height=\"{BAR_HEIGHT}\" rx=\"2\"/>\
                 <text x=\"{:.1}\" y=\"{}\">{}</text>",
                BARS_LEFT - 10.0,
                top + 13.0,
                escaped(&bar.name),
                if bar.is_own { "own" } else { "peer" },
                top,
                BARS_LEFT + width + 8.0,
                top + 13.0,
                number(bar.value)
            );
            top += BAR_STEP;
        }
    }
    text + "</svg>\n"
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(name: &str, value: f64) -> Bar {
        Bar {
            name: name.to_owned(),
            value,
            is_own: name == "own",
        }
    }

    #[test]
    fn the_longest_bar_fills_the_panel_and_the_others_are_in_proportion() {
        let panel = Panel {
            title: "µs".to_owned(),
            bars: vec![bar("own", 1.0), bar("a & b", 4.0)],
        };
        let text = svg("<shape>", &[panel]);
        assert!(
            text.contains("class=\"own\" x=\"220\" y=\"68\" width=\"90.0\""),
            "{text}"
        );
        assert!(text.contains("width=\"360.0\""));
        assert!(text.contains("a &amp; b") && text.contains("&lt;shape&gt;"));
        assert!(text.contains("prefers-color-scheme: dark"));
        assert_eq!(
            text.matches("<text").count(),
            text.matches("</text>").count()
        );
    }

    #[test]
    fn nothing_measured_is_a_picture_too() {
        let panel = Panel {
            title: "none".to_owned(),
            bars: vec![bar("own", 0.0)],
        };
        assert!(svg("t", &[panel]).contains("width=\"1.0\""));
    }
}
