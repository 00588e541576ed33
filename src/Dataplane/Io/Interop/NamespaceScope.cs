using System.Runtime.ExceptionServices;

namespace Gateway.Dataplane.Io.Interop;

/// <summary>Runs control work inside a network namespace, on a thread of its own that ends afterwards. A thread belongs to one namespace, and so does every socket it opens.</summary>
internal static class NamespaceScope
{
    /// <param name="path">A namespace file such as <c>/run/netns/NAME</c>; null runs right here.</param>
    public static T Run<T>(string? path, Func<T> work)
    {
        if (path is null) return work();
        T result = default!;
        ExceptionDispatchInfo? failure = null;
        Thread thread = new(() =>
        {
            try
            {
                using Descriptor file = Libc.OpenFile(path, 0);
                Libc.EnterNamespace(file, "setns " + path);
                result = work();
            }
            catch (Exception e)
            {
                failure = ExceptionDispatchInfo.Capture(e);
            }
        })
        { IsBackground = true, Name = "netns" };
        thread.Start();
        thread.Join();
        failure?.Throw();
        return result;
    }
}
