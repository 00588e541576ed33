using Gateway.Host.Ike.Interop;

namespace Gateway.Host.Vault;

/// <summary>Saves warm state every second when it has changed, and gives it back at the start. A disk that fails costs the warmth only.</summary>
internal sealed class WarmKeeper : IDisposable
{
    private static readonly TimeSpan _interval = TimeSpan.FromSeconds(1);

    /// <summary>Unchanged content is written again after this time, so that it does not look old.</summary>
    private static readonly TimeSpan _refresh = TimeSpan.FromSeconds(30);

    private readonly List<(IWarmState State, WarmFile File)> _kept = [];
    private readonly Dictionary<WarmKind, long> _written = [];
    private readonly Action<string> _trouble;
    private readonly Lock _gate = new();
    private Timer? _timer;
    private bool _disposed;

    /// <param name="folder">Where the files are, one for each kind.</param>
    /// <param name="trouble">Told once with a sentence when saving fails.</param>
    public WarmKeeper(string folder, Guid boot, IEnumerable<IWarmState> states, Action<string> trouble)
    {
        _trouble = trouble;
        foreach (var state in states)
        {
            try
            {
                _kept.Add((state, new WarmFile(Path.Combine(folder, $"warm.{state.Kind.ToString().ToLowerInvariant()}"), (ushort)state.Kind, state.Version, state.Capacity, boot)));
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                trouble($"What is learned of {state.Kind} cannot be kept over a crash: {e.Message}");
            }
        }
    }

    /// <summary>Gives back what is young enough; then begins to save.</summary>
    public void Start()
    {
        foreach (var (state, file) in _kept)
        {
            try
            {
                if (file.TryRead(out var content, out var savedAt) && BootClock.Now - savedAt <= state.LongestAway) state.Restore(content);
            }
            catch (IOException e)
            {
                _trouble($"What was learned of {state.Kind} cannot be read: {e.Message}");
            }
        }

        _timer = new Timer(_ => Save(), null, _interval, _interval);
    }

    /// <summary>Saves now.</summary>
    public void Save()
    {
        lock (_gate)
        {
            if (_disposed) return;
            foreach (var (state, file) in _kept)
            {
                try
                {
                    var (content, now) = (state.Save(), BootClock.Now);
                    if (file.IsSame(content) && _written.TryGetValue(state.Kind, out var at) && now.Milliseconds - at < (long)_refresh.TotalMilliseconds) continue;
                    file.Write(content, now);
                    _written[state.Kind] = now.Milliseconds;
                }
                catch (IOException e)
                {
                    if (_written.TryAdd(state.Kind, 0)) _trouble($"What is learned of {state.Kind} cannot be kept over a crash: {e.Message}");
                }
            }
        }
    }

    public void Dispose()
    {
        _timer?.Dispose();
        lock (_gate)
        {
            _disposed = true;
            foreach (var (_, file) in _kept) file.Dispose();
        }
    }
}
