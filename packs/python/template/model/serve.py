"""The entry of the model. Load what it needs once, when the module is imported; the working folder holds `files`."""


def predict(request):
    """Answers one request, an object as JSON has it. ValueError is the caller's mistake, with its text as the reason."""
    numbers = request.get("numbers") if isinstance(request, dict) else None
    if not isinstance(numbers, list) or not all(isinstance(number, (int, float)) for number in numbers):
        raise ValueError("the request needs \"numbers\", a list of numbers")
    return {"sum": float(sum(numbers))}
