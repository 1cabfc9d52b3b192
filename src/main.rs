//! Doorkey's one binary.

fn main() -> std::process::ExitCode {
    doorkey::cli::main()
}
