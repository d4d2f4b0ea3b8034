//! tract: MODEL.onnx [--threads N] [--batch B] [--input FILE]. Protocol: bench/peers/cpu/serve.py.
use std::io::{stdin, stdout, BufRead, Write};
use std::time::Instant;
use tract_onnx::prelude::*;
use tract_onnx::tract_hir::infer::Factoid;
use tract_onnx::tract_core::internal::{bail, format_err, DimLike};
use tract_onnx::tract_core::prelude::multithread::{set_default_executor, Executor};

struct Arguments {
    model: String,
    threads: usize,
    batch: usize,
    input: Option<String>,
}

fn arguments() -> TractResult<Arguments> {
    let mut words = std::env::args().skip(1);
    let model = words.next().ok_or_else(|| format_err!("MODEL.onnx is missing"))?;
    let mut found = Arguments { model, threads: 1, batch: 1, input: None };
    while let Some(word) = words.next() {
        let value = words.next().ok_or_else(|| format_err!("{word} has no value"))?;
        match word.as_str() {
            "--threads" => found.threads = value.parse()?,
            "--batch" => found.batch = value.parse()?,
            "--input" => found.input = Some(value),
            _ => bail!("unknown option {word}"),
        }
    }
    Ok(found)
}

/// The first dimension is the batch.
fn input_tensor(args: &Arguments, shape: &[usize]) -> TractResult<Tensor> {
    let count: usize = shape.iter().product();
    let data: Vec<f32> = match &args.input {
        Some(path) => std::fs::read(path)?.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect(),
        None => (0..count).map(|i| (i as f32).sin()).collect(),
    };
    Tensor::from_shape(shape, &data)
}

fn main() -> TractResult<()> {
    let args = arguments()?;
    if args.threads > 1 {
        set_default_executor(Executor::multithread(args.threads));
    }
    let mut model = tract_onnx::onnx().model_for_path(&args.model)?;
    let fact = model.input_fact(0)?.clone();
    let shape: Vec<usize> = fact
        .shape
        .dims()
        .enumerate()
        .map(|(axis, dim)| match dim.concretize().map(|d| d.to_usize()) {
            Some(Ok(size)) => Ok(size),
            _ if axis == 0 => Ok(args.batch),
            _ => bail!("dimension {axis} of the input is unknown"),
        })
        .collect::<TractResult<_>>()?;
    model.set_input_fact(0, InferenceFact::dt_shape(f32::datum_type(), &shape))?;
    let input: TValue = input_tensor(&args, &shape)?.into();
    let plan = model.into_optimized()?.into_runnable()?;

    plan.run(tvec!(input.clone()))?;
    println!("{{\"peer\": \"tract 0.23.9\"}}");
    for line in stdin().lock().lines() {
        let runs: usize = line?.trim().parse()?;
        let mut times = Vec::with_capacity(runs);
        for _ in 0..runs {
            let started = Instant::now();
            plan.run(tvec!(input.clone()))?;
            times.push(format!("{:.6}", started.elapsed().as_secs_f64() * 1e3));
        }
        println!("[{}]", times.join(","));
        stdout().flush()?;
    }
    Ok(())
}
