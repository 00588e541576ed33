using System.Diagnostics;

namespace Gateway.Interop.Net;

/// <summary>What a command gave back: exit code (-1 when it was stopped for taking too long) and both outputs in one text.</summary>
public sealed record ShellResult(int Code, string Output)
{
    public bool Ok => Code == 0;
}

/// <summary>Runs programs to their end, never longer than a timeout.</summary>
public static class Shell
{
    public static string Must(string program, IEnumerable<string> arguments, int timeoutSeconds = 30)
    {
        List<string> all = [.. arguments];
        ShellResult result = Try(program, all, timeoutSeconds);
        return result.Ok ? result.Output : throw new InvalidOperationException($"{program} {string.Join(' ', all)}: exit {result.Code}\n{result.Output}");
    }

    public static ShellResult Try(string program, IEnumerable<string> arguments, int timeoutSeconds = 30)
    {
        using BackgroundProcess process = new(program, arguments);
        int code = process.WaitForExit(timeoutSeconds);
        return new(code, process.Output);
    }
}

/// <summary>A program that runs beside the test; disposing it kills it and its children and waits for its end.</summary>
public sealed class BackgroundProcess : IDisposable
{
    private readonly Process _process;
    private readonly System.Text.StringBuilder _output = new();
    private int _disposed;

    public BackgroundProcess(string program, IEnumerable<string> arguments, IReadOnlyDictionary<string, string>? environment = null)
    {
        ProcessStartInfo start = new(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        if (environment is not null)
            foreach ((string key, string value) in environment) start.Environment[key] = value;
        _process = new Process { StartInfo = start };
        _process.OutputDataReceived += Collect;
        _process.ErrorDataReceived += Collect;
        _process.Start();
        _process.StandardInput.Close();
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    public int Id => _process.Id;

    public bool HasExited => _process.HasExited;

    public string Output
    {
        get { lock (_output) return _output.ToString(); }
    }

    /// <summary>Waits for the end and returns the exit code; kills it and returns -1 when it takes longer.</summary>
    public int WaitForExit(int timeoutSeconds)
    {
        if (!_process.WaitForExit(timeoutSeconds * 1000))
        {
            Kill();
            return -1;
        }

        _process.WaitForExit(); // The overload without a limit also waits for the last output.
        return _process.ExitCode;
    }

    /// <summary>SIGKILL: no chance to clean up.</summary>
    public void Kill()
    {
        try
        {
            _process.Kill(entireProcessTree: true);
            // A process with much locked memory takes its time to go, and holds its files until then.
            _process.WaitForExit(60_000);
        }
        catch (InvalidOperationException)
        {
            // It had ended already.
        }
    }

    /// <summary>SIGTERM: asks for an orderly end.</summary>
    public void Terminate() => Shell.Try("kill", ["-TERM", Id.ToString(System.Globalization.CultureInfo.InvariantCulture)]);

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0) return;
        if (!_process.HasExited) Kill();
        _process.Dispose();
    }

    private void Collect(object sender, DataReceivedEventArgs e)
    {
        if (e.Data is null) return;
        lock (_output) _output.AppendLine(e.Data);
    }
}
