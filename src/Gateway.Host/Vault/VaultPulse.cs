namespace Gateway.Host.Vault;

/// <summary>
/// Writes the time into the vault as long as the gateway lives. The file system notes when a file was written to, by a store into a mapping too; a file that
/// was written to after the last pulse was written to by somebody else.
/// </summary>
internal sealed class VaultPulse : IDisposable
{
    /// <summary>Between two pulses.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(200);

    /// <summary>How much later than the last pulse the file may have been written to: the interval, and a machine so busy that the thread does not get to run.</summary>
    public static readonly TimeSpan Slack = TimeSpan.FromSeconds(3);

    /// <summary>Away for longer than this, nothing is resumed: a snapshot of the whole file system that was put back is at most as old.</summary>
    public static readonly TimeSpan LongestAway = TimeSpan.FromMinutes(5);

    private readonly ManualResetEventSlim _stop = new();
    private readonly Thread _thread;

    public VaultPulse(Action beat)
    {
        _thread = new Thread(() =>
        {
            while (!_stop.Wait(Interval)) beat();
        })
        { IsBackground = true, Name = "vault-pulse" };
        _thread.Start();
    }

    public void Dispose()
    {
        _stop.Set();
        _thread.Join();
        _stop.Dispose();
    }
}
