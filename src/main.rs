//! Doorkey's one binary.

/// Many small things are made for every request and handed between threads. Large ones, which are the
/// memory of password hashes, come in huge pages: `.cargo/config.toml` says how.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    doorkey::cli::main()
}
